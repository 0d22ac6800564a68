using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using KServePaged.Engine.Configuration;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Hosting;
using KServePaged.TestSupport;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace KServePaged.Predictor.Tests.Doubles;

/// <summary>The whole predictor on a free port of 127.0.0.1, over a scripted engine.</summary>
internal sealed class ServerUnderTest : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ServerUnderTest(WebApplication app, ScriptedEngine engine, StringWriter output, RecordingLog log)
    {
        Log = log;
        _app = app;
        Engine = engine;
        Output = output;
        Http = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = TestCertificate.Accept } })
        {
            BaseAddress = new Uri(app.Urls.First().Replace("[::]", "127.0.0.1", StringComparison.Ordinal)),
            Timeout = TimeSpan.FromSeconds(30),
        };
    }

    public ScriptedEngine Engine { get; }

    public StringWriter Output { get; }

    public HttpClient Http { get; }

    /// <summary>What was logged at the level of the options or above.</summary>
    public RecordingLog Log { get; }

    public IServiceProvider Services => _app.Services;

    public ModelRepository Repository => _app.Services.GetRequiredService<ModelRepository>();

    public IEnumerable<Microsoft.AspNetCore.Http.Endpoint> Endpoints =>
        ((Microsoft.AspNetCore.Routing.IEndpointRouteBuilder)_app).DataSources.SelectMany(source => source.Endpoints);

    public Uri Address => Http.BaseAddress!;

    /// <summary>Where the server listens, one for each port.</summary>
    public ICollection<string> Urls => _app.Urls;

    public static ServerOptions Options { get; } = new()
    {
        Engine = new EngineOptions { ModelPath = Defaults.DemoModelPath },
        ModelNames = ["tales", "tales-alias"],
        Host = "127.0.0.1",
        Port = 0,
        LoadWait = TimeSpan.Zero,
        Log = new LogOptions { Level = Microsoft.Extensions.Logging.LogLevel.Error },
    };

    /// <summary>Starts and waits until the model is ready.</summary>
    public static async Task<ServerUnderTest> StartAsync(
        Func<ServerOptions, ServerOptions>? change = null, ScriptedEngine? engine = null, Action<WebApplication>? extend = null, TimeProvider? clock = null,
        Stream? logTo = null)
    {
        engine ??= new ScriptedEngine();
        ServerUnderTest server = await StartLoadingAsync((_, _, _, _) => Task.FromResult<KServePaged.Engine.ILlmEngine>(engine), change, engine, extend, clock: clock, logTo: logTo);
        await server.WaitForAsync(health => health.Ready);
        return server;
    }

    /// <summary>Starts with a loader of the test's own and does not wait for it.</summary>
    public static async Task<ServerUnderTest> StartLoadingAsync(
        EngineLoader load, Func<ServerOptions, ServerOptions>? change = null, ScriptedEngine? engine = null, Action<WebApplication>? extend = null, FreeMemory? free = null, TimeProvider? clock = null,
        Stream? logTo = null)
    {
        var output = new StringWriter();
        WebApplication app = PredictorApplication.Build(change?.Invoke(Options) ?? Options, load, output, free, clock, logTo);
        var log = new RecordingLog();
        app.Services.GetRequiredService<Microsoft.Extensions.Logging.ILoggerFactory>().AddProvider(log);
        extend?.Invoke(app);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new ServerUnderTest(app, engine ?? new ScriptedEngine(), output, log);
    }

    /// <summary>Waits for a state of the model, at most ten seconds.</summary>
    public async Task<HealthReport> WaitForAsync(Func<HealthReport, bool> condition)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(10));
        while (true)
        {
            HealthReport report = Repository.Health;
            if (condition(report))
            {
                return report;
            }
            await Task.Delay(5, limit.Token);
        }
    }

    public async Task<(int Status, JsonElement Body)> PostAsync(string path, string json, Action<HttpRequestMessage>? change = null)
    {
        using HttpResponseMessage response = await SendAsync(path, json, change);
        return ((int)response.StatusCode, await JsonOf(response));
    }

    public async Task<HttpResponseMessage> SendAsync(string path, string json, Action<HttpRequestMessage>? change = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8, "application/json") };
        change?.Invoke(request);
        return await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    public async Task<(int Status, JsonElement Body)> GetAsync(string path, string? key = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
        using HttpResponseMessage response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, await JsonOf(response));
    }

    /// <summary>The data of every event of a stream, "[DONE]" included.</summary>
    public async Task<List<string>> StreamAsync(string path, string json)
    {
        using HttpResponseMessage response = await SendAsync(path, json);
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        Assert.EndsWith("\n\n", text);
        return [.. text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(piece => piece["data: ".Length..])];
    }

    /// <summary>Completes when the application has been asked to stop.</summary>
    public async Task WaitForShutdownAsync()
    {
        var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using (_app.Lifetime.ApplicationStopping.Register(stopping.SetResult))
        {
            await stopping.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        }
    }

    public async Task StopAsync() => await _app.StopAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.DisposeAsync();
    }

    private static async Task<JsonElement> JsonOf(HttpResponseMessage response)
    {
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return text.Length == 0 ? default : JsonDocument.Parse(text).RootElement;
    }
}
