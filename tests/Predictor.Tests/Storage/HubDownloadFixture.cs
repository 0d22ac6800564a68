using KServePaged.Engine.Configuration;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Storage;
using KServePaged.Predictor.Tests.Doubles;
using Microsoft.Extensions.Logging;

namespace KServePaged.Predictor.Tests.Storage;

/// <summary>A Hub, an empty cache and an impatient client.</summary>
public abstract class HubDownloadFixture : IAsyncLifetime
{
    private HubUnderTest? _hub;

    internal string Cache { get; } = Directory.CreateTempSubdirectory().FullName;

    internal RecordingLog Log { get; } = new();

    internal List<LoadProgress> Progress { get; } = [];

    internal HubUnderTest Hub => _hub!; // set by InitializeAsync

    internal HubOptions Options => new() { Endpoint = Hub.Endpoint, CachePath = Cache };

    internal HubTiming Timing { get; } = new() { Attempts = 3, FirstDelay = TimeSpan.FromMilliseconds(1), IdleTimeout = TimeSpan.FromSeconds(20), LockPoll = TimeSpan.FromMilliseconds(5) };

    internal string Blobs => Path.Combine(Cache, "models--acme--tiny", "blobs");

    public async ValueTask InitializeAsync() => _hub = await HubUnderTest.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await Hub.DisposeAsync();
        Directory.Delete(Cache, recursive: true);
        GC.SuppressFinalize(this);
    }

    internal Task<string> RunAsync(
        HubOptions? options = null, string revision = "main", HubTiming? timing = null, Func<string, long>? freeBytes = null, CancellationToken? cancellationToken = null, TimeProvider? clock = null)
    {
        using var loggers = LoggerFactory.Create(logging => logging.AddProvider(Log));
        return new HubDownload(new HubReference(HubUnderTest.Id, revision), options ?? Options, loggers, clock ?? TimeProvider.System, timing ?? Timing, freeBytes)
            .RunAsync(new Recorder(Progress), cancellationToken ?? TestContext.Current.CancellationToken);
    }

    internal async Task<string> RefusalAsync(HubOptions? options = null, string revision = "main", HubTiming? timing = null, Func<string, long>? freeBytes = null) =>
        (await Assert.ThrowsAsync<HubException>(() => RunAsync(options, revision, timing, freeBytes))).Message;

    internal void AssertWhole(string snapshot)
    {
        foreach (string name in (string[])["config.json", "tokenizer.json", "model.safetensors"])
        {
            Assert.Equal(Hub.Files[name], File.ReadAllBytes(Path.Combine(snapshot, name)));
        }
        Assert.Empty(Directory.GetFiles(Blobs, "*.incomplete"));
    }

    private sealed class Recorder(List<LoadProgress> reports) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value)
        {
            lock (reports)
            {
                reports.Add(value);
            }
        }
    }
}
