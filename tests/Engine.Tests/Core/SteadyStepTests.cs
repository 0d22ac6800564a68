using System.Diagnostics.Metrics;
using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Core;
using KServePaged.Engine.Diagnostics;
using KServePaged.Engine.Execution;
using KServePaged.Engine.KvCache;
using KServePaged.Engine.Scheduling;
using KServePaged.Engine.Tests.Execution;
using KServePaged.Engine.Tests.Weights;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Engine.Tests.Core;

/// <summary>Nothing of a decode step is garbage: scheduler, cache, core, executor and sampler together, over real kernels.</summary>
public sealed class SteadyStepTests
{
    [Fact]
    public void Step_OverTheRealExecutor_AllocatesNothing()
    {
        using TemporaryDirectory directory = TinyModel.Write();
        using LoadedModel model = Load(directory.Path);
        var cache = new KvCacheManager(model.BlockCount, model.BlockTokens, new UInt128(1, 2));
        var inbox = new Inbox(10);
        using var metrics = new EngineMetrics("steady", model.MaxModelLength);
        var core = new EngineCore(
            model.Executor, cache, new SchedulingLimits(8, 64, model.MaxLogitRows), maxTopLogprobs: 5, inbox, metrics, TimeProvider.System);
        // Somebody listens, as /metrics does.
        using var listener = new MeterListener();
        long measured = 0;
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (metrics.Owns(instrument))
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, _, _, _) => measured++);
        listener.SetMeasurementEventCallback<double>((_, _, _, _) => measured++);
        listener.Start();
        var requests = new CoreRequestFactory(cache.Hasher, model.VocabularySize, [], sharePrefixes: true);
        CoreRequest[] all = [.. EveryKindOfSampling().Select(sampling => requests.Create([1, 2, 3, 4, 5], sampling, 200, 2, 7, null, 0, 0, null))];
        Array.ForEach(all, request => Assert.Equal(Submission.Accepted, inbox.TrySubmit(request)));
        var batch = new OutputBatch();
        int tokens = 0;
        void Run(int steps)
        {
            for (int i = 0; i < steps; i++)
            {
                core.Step();
                foreach (CoreRequest request in all)
                {
                    while (request.Output.TryTake(ref batch))
                    {
                        tokens += batch.Records.Count;
                    }
                }
            }
        }

        // Until buffers that grow with the penalties' histories have grown to the vocabulary.
        Run(80);
        tokens = 0;
        long before = GC.GetAllocatedBytesForCurrentThread();
        Run(100);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(800, tokens);
        Assert.True(measured > 800);
    }

    private static SamplingParameters[] EveryKindOfSampling() =>
    [
        new() { Temperature = 0 },
        new() { TopK = 10, TopP = 0.9, MinP = 0.01, TopLogprobs = 5 },
        new() { RepetitionPenalty = 1.1, PresencePenalty = 0.1, FrequencyPenalty = 0.1, IgnoreEos = true },
        new() { LogitBias = new Dictionary<int, float> { [3] = 1 }, MinTokens = 200, StopTokenIds = [9] },
    ];

    private static LoadedModel Load(string path) => ModelLoader.Load(
        new EngineOptions { ModelPath = path, MaxSequences = 8, MaxBatchedTokens = 64, KvCacheBytes = 8 << 20, Threads = 2 },
        progress: null,
        NullLogger.Instance,
        CancellationToken.None);
}
