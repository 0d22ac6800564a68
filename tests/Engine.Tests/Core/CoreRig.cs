using KServePaged.Engine.Contracts;
using KServePaged.Engine.Core;
using KServePaged.Engine.Diagnostics;
using KServePaged.Engine.KvCache;
using KServePaged.Engine.Scheduling;
using KServePaged.Engine.Tests.Execution;

namespace KServePaged.Engine.Tests.Core;

/// <summary>A core over the scripted model, stepped by the test.</summary>
internal sealed class CoreRig : IDisposable
{
    public const int Vocabulary = 97;
    private readonly CoreRequestFactory _factory;

    public CoreRig(
        int blockCount = 64, int blockTokens = 4, SchedulingLimits? limits = null, int queue = 100, int maxTop = 3, bool sharePrefixes = true, int[]? ends = null,
        bool runsAhead = false)
    {
        Cache = new KvCacheManager(blockCount, blockTokens, new UInt128(3, 4));
        Model = new ScriptedExecutor(blockCount, blockTokens, Vocabulary, runsAhead);
        Inbox = new Inbox(queue);
        Metrics = new EngineMetrics(Guid.NewGuid().ToString(), 1000);
        Core = new EngineCore(Model, Cache, limits ?? new SchedulingLimits(8, 100, 8), maxTop, Inbox, Metrics, Clock);
        Metrics.Observe(() => Core.Statistics, () => Core.Ledger, Clock);
        _factory = new CoreRequestFactory(Cache.Hasher, Vocabulary, ends ?? [], sharePrefixes);
    }

    public ManualClock Clock { get; } = new();

    public KvCacheManager Cache { get; }

    public ScriptedExecutor Model { get; }

    public Inbox Inbox { get; }

    public EngineMetrics Metrics { get; }

    public EngineCore Core { get; }

    public static int[] Prompt(int length, int seed = 1) => [.. Enumerable.Range(0, length).Select(i => (seed * 31 + i * 7) % Vocabulary)];

    public CoreRequest New(int[] prompt, int maxNew, int outputs = 1, ulong seed = 0, SamplingParameters? sampling = null, TimeSpan? timeout = null)
    {
        long now = Clock.GetTimestamp();
        return _factory.Create(
            prompt, sampling ?? new SamplingParameters(), maxNew, outputs, seed, cacheSalt: null, now, now, timeout is { } t ? now + t.Ticks : null);
    }

    public CoreRequest Submit(
        int[] prompt, int maxNew, int outputs = 1, ulong seed = 0, SamplingParameters? sampling = null, TimeSpan? timeout = null)
    {
        CoreRequest request = New(prompt, maxNew, outputs, seed, sampling, timeout);
        Assert.Equal(Submission.Accepted, Inbox.TrySubmit(request));
        return request;
    }

    public void RunToEnd()
    {
        for (int i = 0; Core.Step(); i++)
        {
            Assert.True(i < 100_000, "the core makes no progress");
        }
        Assert.Equal(0, Cache.Pool.UsedCount);
    }

    public static List<OutputRecord> Read(CoreRequest request)
    {
        List<OutputRecord> records = [];
        var batch = new OutputBatch();
        while (request.Output.TryTake(ref batch))
        {
            records.AddRange(batch.Records);
        }
        return records;
    }

    public static int[] TokensOf(IEnumerable<OutputRecord> records, int outputIndex = 0) =>
        [.. records.Where(record => record.OutputIndex == outputIndex && !record.IsPrompt && record.TokenId >= 0).Select(record => record.TokenId)];

    public void Dispose() => Metrics.Dispose();
}
