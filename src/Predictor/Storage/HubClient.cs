using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Authentication;
using KServePaged.Predictor.Configuration;

namespace KServePaged.Predictor.Storage;

/// <summary>
/// The Hub's protocol for reading one model: the list of files at a revision, a file's checksum and size, and its content from any byte on.
/// Content comes from other hosts by redirects; the token goes to the endpoint alone.
/// </summary>
internal sealed class HubClient(HubReference model, HubOptions options, HubTiming timing, TimeProvider clock, StorageLog log) : IDisposable
{
    private const int MaxRedirects = 8;
    private const int MaxListingBytes = 16 << 20;

    private readonly Uri _endpoint = new(options.Endpoint);
    private readonly string? _token = HubToken.Of(options);
    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false, // followed here, so that the token stays behind and linked headers are seen
        UseCookies = false,
        ConnectTimeout = timing.ConnectTimeout,
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
    })
    { Timeout = Timeout.InfiniteTimeSpan };

    /// <param name="attempts">Most tries.</param>
    public Task<HubListing> ListAsync(int attempts, CancellationToken cancellationToken) => TryAsync(attempts, async () =>
    {
        var url = new Uri($"{options.Endpoint}/api/models/{model.Id}/revision/{Uri.EscapeDataString(model.Revision)}");
        const string what = "the list of files";
        HttpResponseMessage response = await FollowAsync(HttpMethod.Get, url, what, 0, _ => false, cancellationToken).ConfigureAwait(false);
        using var body = new HubBody(response, 0, what, timing);
        return HubListing.Parse(await body.ReadAllAsync(MaxListingBytes, cancellationToken).ConfigureAwait(false), options.Endpoint);
    }, cancellationToken);

    /// <summary>Asks for the headers of a file.</summary>
    public Task<HubFile> DescribeAsync(string name, string commit, CancellationToken cancellationToken) => TryAsync(timing.Attempts, async () =>
    {
        string? etag = null;
        long? size = null;
        bool IsEnough(HttpResponseMessage response)
        {
            etag ??= Header(response, "X-Linked-Etag");
            size ??= long.TryParse(Header(response, "X-Linked-Size"), NumberStyles.None, CultureInfo.InvariantCulture, out long linked) ? linked : null;
            return etag is not null && size is not null;
        }
        using HttpResponseMessage last = await FollowAsync(HttpMethod.Head, UrlOf(name, commit), name, 0, IsEnough, cancellationToken).ConfigureAwait(false);
        etag ??= Header(last, "ETag");
        size ??= last.Content.Headers.ContentLength;
        return etag is null || size is null
            ? throw new HubException($"{options.Endpoint} tells no size or ETag of {name}: it is no mirror that models can be downloaded from.")
            : new HubFile(name, commit, Bare(etag), size.Value);
    }, cancellationToken);

    /// <summary>One try to get a file from a byte on. It may begin earlier than asked for; <see cref="HubBody.Offset"/> tells.</summary>
    public async Task<HubBody> OpenAsync(HubFile file, long offset, CancellationToken cancellationToken)
    {
        HttpResponseMessage response = await FollowAsync(HttpMethod.Get, UrlOf(file.Name, file.Commit), file.Name, offset, _ => false, cancellationToken).ConfigureAwait(false);
        bool isPart = response.StatusCode == System.Net.HttpStatusCode.PartialContent;
        long begins = isPart ? response.Content.Headers.ContentRange?.From ?? -1 : 0;
        long? total = isPart ? response.Content.Headers.ContentRange?.Length ?? file.Size : response.Content.Headers.ContentLength;
        if ((begins != offset && begins != 0) || (total is { } told && told != file.Size))
        {
            string host = response.RequestMessage?.RequestUri?.Host ?? options.Endpoint;
            response.Dispose();
            throw new HubException($"{host} offers {total} bytes as {file.Name}, which has {file.Size}.") { MayPass = true };
        }
        return new HubBody(response, begins, file.Name, timing);
    }

    public void Dispose() => _http.Dispose();

    /// <summary>Sends and follows redirects until an answer is a success or <paramref name="isEnough"/>, which sees each.</summary>
    private async Task<HttpResponseMessage> FollowAsync(
        HttpMethod method, Uri first, string what, long offset, Func<HttpResponseMessage, bool> isEnough, CancellationToken cancellationToken)
    {
        Uri url = first;
        for (int hop = 0; hop <= MaxRedirects; hop++)
        {
            bool withToken = _token is not null && IsEndpoint(url);
            HttpResponseMessage response = await SendAsync(method, url, what, offset, withToken, cancellationToken).ConfigureAwait(false);
            if (response.IsSuccessStatusCode || ((int)response.StatusCode is >= 300 and < 400 && isEnough(response)))
            {
                isEnough(response);
                return response;
            }
            using (response)
            {
                url = (int)response.StatusCode is >= 300 and < 400 && response.Headers.Location is { } location
                    ? Next(url, location, what)
                    : throw HubRefusal.Of(response, what, model, options, IsEndpoint(url), withToken);
            }
        }
        throw new HubException($"{options.Endpoint} redirects more than {MaxRedirects} times for {what}.");
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, Uri url, string what, long offset, bool withToken, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, url);
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("KServePaged", null));
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity")); // sizes and ranges are those of the file
        request.Headers.Range = offset > 0 ? new RangeHeaderValue(offset, null) : null;
        request.Headers.Authorization = withToken ? new AuthenticationHeaderValue("Bearer", _token) : null;
        using var idle = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        idle.CancelAfter(timing.IdleTimeout);
        try
        {
            return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, idle.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new HubException($"{url.Host} does not answer to {what} of {model.Id}.", e) { MayPass = true };
        }
        catch (HttpRequestException e) when (e.InnerException is AuthenticationException authentication)
        {
            throw new HubException($"{url.Host} has a certificate that is not trusted ({authentication.Message}); SSL_CERT_FILE can name one more authority.", e);
        }
        catch (HttpRequestException e)
        {
            throw new HubException($"{url.Host} cannot be reached ({e.Message}); without a network mount the model and name it with --model_dir, or set HF_ENDPOINT to a mirror.", e) { MayPass = true };
        }
    }

    private async Task<T> TryAsync<T>(int attempts, Func<Task<T>> attempt, CancellationToken cancellationToken)
    {
        var retry = new Retry(timing with { Attempts = attempts }, clock, log);
        while (true)
        {
            try
            {
                return await attempt().ConfigureAwait(false);
            }
            catch (HubException e)
            {
                await retry.WaitAsync(e, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private Uri UrlOf(string name, string commit) =>
        new($"{options.Endpoint}/{model.Id}/resolve/{commit}/{string.Join('/', name.Split('/').Select(Uri.EscapeDataString))}");

    private bool IsEndpoint(Uri url) => url.Scheme == _endpoint.Scheme && url.Host == _endpoint.Host && url.Port == _endpoint.Port;

    private static Uri Next(Uri from, Uri location, string what)
    {
        Uri next = new(from, location);
        return next.Scheme == Uri.UriSchemeHttps || (next.Scheme == Uri.UriSchemeHttp && from.Scheme == Uri.UriSchemeHttp)
            ? next
            : throw new HubException($"{from.Host} redirects {what} from {from.Scheme} to {next.Scheme}, which is not followed.");
    }

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.NonValidated.TryGetValues(name, out HeaderStringValues values) ? values.ToString() : null;

    private static string Bare(string etag) => (etag.StartsWith("W/", StringComparison.Ordinal) ? etag[2..] : etag).Trim('"');
}
