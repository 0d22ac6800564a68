using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace KServePaged.Predictor.Tests.Doubles;

/// <summary>A server that speaks the Hub's protocol, and another one beside it for the content of large files.</summary>
internal sealed class HubUnderTest : IAsyncDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";
    public const string Id = "acme/tiny";

    private readonly WebApplication _hub;
    private readonly WebApplication _cdn;

    private HubUnderTest(WebApplication hub, WebApplication cdn)
    {
        _hub = hub;
        _cdn = cdn;
    }

    /// <summary>The repository. Files of weights are large ones: the content comes from the second server.</summary>
    public Dictionary<string, byte[]> Files { get; } = new(StringComparer.Ordinal)
    {
        [".gitattributes"] = "x"u8.ToArray(),
        ["README.md"] = "# tiny"u8.ToArray(),
        ["config.json"] = """{"model_type":"llama"}"""u8.ToArray(),
        ["tokenizer.json"] = """{"model":{}}"""u8.ToArray(),
        ["model.safetensors"] = Bytes(10_500, 1),
    };

    /// <summary>Path before /api and /{id}: a mirror's.</summary>
    public string Prefix { get; set; } = "";

    /// <summary>Set to answer a request of either server in another way; true = it is answered.</summary>
    public Func<HttpContext, bool, Task<bool>> Intercept { get; set; } = (_, _) => Task.FromResult(false);

    /// <summary>The second server breaks the connection after so many bytes of each answer.</summary>
    public int? CutAfter { get; set; }

    public bool KnowsRanges { get; set; } = true;

    /// <summary>What the second server gives instead of a file's content.</summary>
    public Func<byte[], byte[]> Deliver { get; set; } = content => content;

    public Func<string, byte[], string> EtagOf { get; set; } = (name, content) => IsLarge(name) ? Sha256(content) : GitSha1(content);

    /// <summary>"hub GET /path?query Range Authorization".</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    public string Endpoint => Address(_hub) + Prefix;

    public IEnumerable<string> Contents => Requests.Where(request => request.StartsWith("cdn GET", StringComparison.Ordinal));

    public static async Task<HubUnderTest> StartAsync()
    {
        HubUnderTest? server = null;
        WebApplication hub = Build(context => server!.ServeAsync(context, isHub: true)); // set before it is asked
        WebApplication cdn = Build(context => server!.ServeAsync(context, isHub: false));
        server = new HubUnderTest(hub, cdn);
        await hub.StartAsync(TestContext.Current.CancellationToken);
        await cdn.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    public static byte[] Bytes(int count, int seed)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public static string Sha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    public static string GitSha1(byte[] content) => Sha1([.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content]);

    public static string Sha1(byte[] content) => Convert.ToHexStringLower(CryptographicOperations.HashData(HashAlgorithmName.SHA1, content));

    public async Task StopAsync()
    {
        await _hub.StopAsync(CancellationToken.None);
        await _cdn.StopAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        await _cdn.DisposeAsync();
    }

    private static bool IsLarge(string name) => name.EndsWith(".safetensors", StringComparison.Ordinal);

    private static string Address(WebApplication app) => app.Urls.First();

    private static WebApplication Build(RequestDelegate serve)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
        WebApplication app = builder.Build();
        app.Run(serve);
        return app;
    }

    private async Task ServeAsync(HttpContext context, bool isHub)
    {
        HttpRequest request = context.Request;
        Requests.Enqueue($"{(isHub ? "hub" : "cdn")} {request.Method} {request.Path}{request.QueryString} {request.Headers.Range} {request.Headers.Authorization}".TrimEnd());
        if (await Intercept(context, isHub))
        {
            return;
        }
        string path = request.Path.Value![(isHub ? Prefix.Length : 0)..];
        if (isHub && path.StartsWith($"/api/models/{Id}/revision/", StringComparison.Ordinal))
        {
            string siblings = string.Join(',', Files.Keys.Select(name => $$"""{"rfilename":"{{name}}"}"""));
            await context.Response.WriteAsync($$"""{"id":"{{Id}}","sha":"{{Commit}}","siblings":[{{siblings}}]}""");
            return;
        }
        string name = path.Replace($"/{Id}/resolve/{Commit}/", "", StringComparison.Ordinal).TrimStart('/');
        if (!Files.TryGetValue(name, out byte[]? content))
        {
            context.Response.StatusCode = 404;
            context.Response.Headers["X-Error-Code"] = "EntryNotFound";
            return;
        }
        if (isHub && IsLarge(name))
        {
            context.Response.Headers["X-Repo-Commit"] = Commit;
            context.Response.Headers["X-Linked-Etag"] = $"\"{EtagOf(name, content)}\"";
            context.Response.Headers["X-Linked-Size"] = content.Length.ToString(CultureInfo.InvariantCulture);
            context.Response.Redirect($"{Address(_cdn)}/{name}?signed=1");
            return;
        }
        await SendAsync(context, isHub ? content : Deliver(content), $"\"{EtagOf(name, content)}\"", isHub);
    }

    private async Task SendAsync(HttpContext context, byte[] content, string etag, bool isHub)
    {
        int from = 0;
        if (KnowsRanges && context.Request.Headers.Range.ToString() is { Length: > 0 } range)
        {
            from = int.Parse(range["bytes=".Length..^1], CultureInfo.InvariantCulture);
            context.Response.StatusCode = 206;
            context.Response.Headers.ContentRange = $"bytes {from}-{content.Length - 1}/{content.Length}";
        }
        context.Response.Headers.ETag = etag;
        context.Response.ContentLength = content.Length - from;
        if (context.Request.Method == "HEAD")
        {
            return;
        }
        int count = isHub ? content.Length - from : Math.Min(CutAfter ?? int.MaxValue, content.Length - from);
        // Too few for the length that was told: Kestrel then closes the connection, after what was written (an abort would drop it).
        await context.Response.Body.WriteAsync(content.AsMemory(from, count));
        await context.Response.Body.FlushAsync();
    }
}
