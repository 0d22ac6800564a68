using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Transport.Grpc;
using static KServePaged.Predictor.Hosting.Grpc.HealthCheckResponse.Types;

namespace KServePaged.Predictor.Hosting.Grpc;

/// <summary>grpc.health.v1: the server as a whole (the empty name), each gRPC service it has, and each model by its names.</summary>
internal sealed class GrpcHealth(ModelRepository repository, IReadOnlyList<string> services, TimeProvider clock)
{
    public const string Service = "grpc.health.v1.Health";

    // A status is watched by looking: engines fail on their own threads and tell nobody.
    private static readonly TimeSpan WatchInterval = TimeSpan.FromMilliseconds(250);

    public IEnumerable<GrpcMethod> Methods =>
    [
        GrpcMethod.Unary(Service, "Check", HealthCheckRequest.Parser, (request, _) => Task.FromResult(new HealthCheckResponse { Status = Check(request.Service) })),
        GrpcMethod.ServerStreaming<HealthCheckRequest, HealthCheckResponse>(Service, "Watch", HealthCheckRequest.Parser, WatchAsync),
    ];

    private ServingStatus Check(string name) =>
        StatusOf(name) ?? throw new GrpcException(GrpcStatusCode.NotFound, $"There is no service or model '{name}'.");

    private async Task WatchAsync(HealthCheckRequest request, GrpcMessageWriter<HealthCheckResponse> responses, GrpcCallContext call)
    {
        ServingStatus? last = null;
        using var timer = new PeriodicTimer(WatchInterval, clock);
        do
        {
            ServingStatus status = StatusOf(request.Service) ?? ServingStatus.ServiceUnknown;
            if (status != last)
            {
                await responses.WriteAsync(new HealthCheckResponse { Status = status }, call.CancellationToken).ConfigureAwait(false);
                last = status;
            }
        }
        while (!call.Drained.IsCancellationRequested && await timer.WaitForNextTickAsync(call.CancellationToken).ConfigureAwait(false));
        throw new GrpcException(GrpcStatusCode.Unavailable, OpenCalls.Message);
    }

    private ServingStatus? StatusOf(string name)
    {
        if (name.Length == 0 || services.Contains(name))
        {
            return Of(repository.Health.Ready);
        }
        return repository.Models.FirstOrDefault(model => model.Names.Contains(name)) is { } found ? Of(found.Health.Current.Ready) : null;
    }

    private static ServingStatus Of(bool ready) => ready ? ServingStatus.Serving : ServingStatus.NotServing;
}
