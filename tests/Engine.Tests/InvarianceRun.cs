using KServePaged.Engine.Contracts;
using KServePaged.Engine.Core;
using KServePaged.Engine.Diagnostics;
using KServePaged.Engine.Execution;
using KServePaged.Engine.KvCache;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Tests;

/// <summary>A core of its own over a loaded model: cache size, chunk size and prefix cache as the test wants them.</summary>
internal sealed class InvarianceRun : IDisposable
{
    private readonly LoadedModel _model;
    private readonly KvCacheManager _cache;
    private readonly Inbox _inbox = new(100_000);
    private readonly EngineMetrics _metrics;
    private readonly EngineCore _core;
    private readonly CoreRequestFactory _requests;
    private readonly CountingExecutor _executor;

    public InvarianceRun(LoadedModel model, int blockCount, SchedulingLimits limits, bool sharePrefixes)
    {
        _model = model;
        _cache = new KvCacheManager(blockCount, model.BlockTokens, new UInt128(5, 6));
        _metrics = new EngineMetrics("invariance", model.MaxModelLength);
        _executor = new CountingExecutor(model.Executor);
        _core = new EngineCore(_executor, _cache, limits, maxTopLogprobs: 5, _inbox, _metrics, TimeProvider.System);
        _requests = new CoreRequestFactory(_cache.Hasher, model.VocabularySize, model.EndTokenIds, sharePrefixes);
    }

    /// <summary>Sequences of the step with the most of them.</summary>
    public int LargestBatch => _executor.LargestBatch;

    /// <summary>Sequences that came back after a preemption.</summary>
    public int PreemptionCount => _executor.PreemptionCount;

    public int CachedTokens { get; private set; }

    public CoreRequest Submit(InvarianceCase one)
    {
        CoreRequest request = _requests.Create(
            one.Prompt, one.Sampling, one.MaxNewTokens, one.OutputCount, one.Seed, cacheSalt: null, arrivedAt: 0, queuedAt: 0, deadline: null);
        Assert.Equal(Submission.Accepted, _inbox.TrySubmit(request));
        return request;
    }

    public void Abort(CoreRequest request) => _inbox.End(new RequestEnding(request, null, FinishReason.Abort));

    public bool Step() => _core.Step();

    /// <summary>Everything that the request put out, bit by bit: a list for each output, the prompt's scores with the first.</summary>
    public List<int>[] Read(CoreRequest request)
    {
        List<int>[] outputs = [.. request.Sequences.Select(_ => new List<int>())];
        var batch = new OutputBatch();
        Assert.True(request.Output.TryTake(ref batch));
        Assert.Null(batch.Failure);
        CachedTokens += batch.CachedPromptTokens ?? 0;
        int top = 0;
        foreach (OutputRecord record in batch.Records)
        {
            List<int> bits = outputs[record.OutputIndex];
            bits.AddRange([record.TokenId, BitConverter.SingleToInt32Bits(record.Logprob), record.Rank, record.IsPrompt ? 1 : 0, (int?)record.Finish ?? -1]);
            for (int end = top + record.TopCount; top < end; top++)
            {
                bits.AddRange([batch.TopIds[top], BitConverter.SingleToInt32Bits(batch.TopLogprobs[top])]);
            }
        }
        return outputs;
    }

    public void AssertIdle() => Assert.Equal(0, _cache.Pool.UsedCount);

    public void Dispose() => _metrics.Dispose();

    private sealed class CountingExecutor(IStepExecutor inner) : IStepExecutor
    {
        private readonly Dictionary<long, int> _computed = [];

        public int LargestBatch { get; private set; }

        public int PreemptionCount { get; private set; }

        public bool RunsAhead => inner.RunsAhead;

        public void Begin(StepPlan plan, StepResult result)
        {
            LargestBatch = Math.Max(LargestBatch, plan.SequenceCount);
            for (int i = 0; i < plan.SequenceCount; i++)
            {
                ScheduledSequence item = plan[i];
                int before = _computed.GetValueOrDefault(item.Sequence.Id);
                PreemptionCount += item.Start < before ? 1 : 0;
                _computed[item.Sequence.Id] = item.Start + item.TokenCount;
            }
            inner.Begin(plan, result);
        }

        public void Complete() => inner.Complete();

        public bool Prepare() => inner.Prepare();
    }
}
