using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Google.Protobuf;
using KServePaged.Predictor.Autoscaling.Grpc;
using KServePaged.Predictor.Transport.Grpc;

namespace KServePaged.Predictor.Autoscaling;

/// <summary>Asks the other replicas for their part of a metric: a scaler sees one of them, and KEDA divides what it hears by nothing.</summary>
internal sealed class PeerLoads : IDisposable
{
    // KEDA gives up after a few seconds, and a replica that is that slow is not there.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly HttpClient _http = new(new SocketsHttpHandler { PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1) }) { Timeout = Patience };

    /// <summary>The value of each replica behind a name. One that does not answer is starting or gone and carries nothing.</summary>
    /// <param name="peers"><c>host:port</c>, or several with commas between; a headless Service has an address for each replica.</param>
    /// <returns>Null when this server is not among them, as behind a Service with an address of its own: it can speak for itself only.</returns>
    /// <exception cref="GrpcException">The name has no address.</exception>
    public async Task<IReadOnlyList<double>?> AskAsync(string peers, ScalerTrigger trigger, CancellationToken cancellationToken)
    {
        IPEndPoint[][] replicas = await Task.WhenAll(peers.Split(',', StringSplitOptions.TrimEntries).Select(peer => ResolveAsync(peer, cancellationToken))).ConfigureAwait(false);
        if (replicas.Any(some => some.Length == 0))
        {
            return null;
        }
        var request = new GetMetricsRequest
        {
            MetricName = trigger.Metric.Name,
            ScaledObjectRef = new ScaledObjectRef { ScalerMetadata = { ["metric"] = trigger.Metric.Name, ["targetValue"] = "1" } }, // no peers: its own
        };
        double?[] answers = await Task.WhenAll(replicas.SelectMany(some => some).Distinct().Select(replica => AskAsync(replica, request, cancellationToken))).ConfigureAwait(false);
        return [.. answers.Where(answer => answer is not null).Select(answer => answer!.Value)];
    }

    public void Dispose() => _http.Dispose();

    private static bool IsOwn(IPAddress address) => IPAddress.IsLoopback(address) || NetworkInterface.GetAllNetworkInterfaces()
        .SelectMany(network => network.GetIPProperties().UnicastAddresses).Any(own => own.Address.Equals(address));

    private static async Task<IPEndPoint[]> ResolveAsync(string peer, CancellationToken cancellationToken)
    {
        if (peer.LastIndexOf(':') is not (> 0 and int colon) || !ushort.TryParse(peer[(colon + 1)..], out ushort port))
        {
            throw new GrpcException(Errors.GrpcStatusCode.InvalidArgument, $"peers '{peer}' is not host:port.");
        }
        try
        {
            IPAddress[] addresses = await Dns.GetHostAddressesAsync(peer[..colon], cancellationToken).ConfigureAwait(false);
            // The route is open, so a caller must not be able to send this server anywhere: a name that has none of its own addresses is not its replicas'.
            return addresses.Any(IsOwn) ? [.. addresses.Select(address => new IPEndPoint(address, port))] : [];
        }
        catch (SocketException e)
        {
            throw new GrpcException(Errors.GrpcStatusCode.Unavailable, $"peers '{peer[..colon]}' has no address: {e.Message}", e);
        }
    }

    private async Task<double?> AskAsync(IPEndPoint replica, GetMetricsRequest request, CancellationToken cancellationToken)
    {
        using var call = new HttpRequestMessage(HttpMethod.Post, new UriBuilder("http", replica.Address.ToString(), replica.Port, $"/{ExternalScalerGrpc.Service}/GetMetrics").Uri)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(GrpcFrame.Of(request)),
        };
        call.Content.Headers.ContentType = new(GrpcEndpoints.ContentType);
        call.Headers.TE.ParseAdd("trailers");
        try
        {
            using HttpResponseMessage response = await _http.SendAsync(call, cancellationToken).ConfigureAwait(false);
            byte[] body = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
            return GrpcFrame.TryParse(body, GetMetricsResponse.Parser)?.MetricValues.Single().MetricValueFloat;
        }
        catch (HttpRequestException)
        {
            return null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null; // by our own patience
        }
    }
}
