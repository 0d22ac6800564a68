using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Execution;
using KServePaged.Engine.Sampling;
using KServePaged.Engine.Scheduling;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Engine.Tests.Models;

/// <summary>A loaded model whose logits a test can see, driven by plans that the test's schedule makes up.</summary>
internal sealed class ModelRun : IDisposable
{
    public const int MaxBatchedTokens = 192;
    public const int MaxSequences = 8;

    private readonly ForwardPass _forward;
    private readonly Queue<int> _freeBlocks;

    /// <param name="directory">Model directory.</param>
    /// <param name="change">Options other than float32 with small blocks.</param>
    public ModelRun(string directory, Func<EngineOptions, EngineOptions>? change = null)
    {
        var options = new EngineOptions
        {
            ModelPath = directory,
            DType = "float32",
            MaxBatchedTokens = MaxBatchedTokens,
            MaxSequences = MaxSequences,
            BlockTokens = 8,
            KvCacheBytes = 64 << 20,
        };
        Model = ModelLoader.Load(change is null ? options : change(options), progress: null, NullLogger.Instance, CancellationToken.None);
        _forward = ((ModelExecutor)Model.Executor).Forward;
        int[] blocks = [.. Enumerable.Range(0, Model.BlockCount)];
        new Random(5).Shuffle(blocks); // a physical order that no logical order explains
        _freeBlocks = new Queue<int>(blocks);
    }

    public LoadedModel Model { get; }

    /// <summary>Runs every prompt until <paramref name="newTokens"/> tokens are chosen greedily.</summary>
    public Trace[] Run(IReadOnlyList<int[]> prompts, int newTokens, ISchedule schedule)
    {
        Trace[] traces = [.. prompts.Select((prompt, i) => new Trace(NewSequence(i, prompt, newTokens)))];
        var plan = new StepPlan();
        while (traces.Any(trace => !trace.IsComplete(newTokens)))
        {
            plan.Clear();
            schedule.Fill(plan, [.. traces.Where(trace => !trace.IsComplete(newTokens))]);
            Lease(plan);
            Step(plan, traces, newTokens);
            foreach (Trace trace in traces.Where(trace => trace.IsComplete(newTokens)))
            {
                Release(trace.Sequence);
            }
        }
        return traces;
    }

    public void Dispose() => Model.Dispose();

    private Sequence NewSequence(int id, int[] prompt, int newTokens) => new(
        id, prompt, prompt.Length + newTokens, new SequenceSampling(new SamplingParameters { Temperature = 0 }, 0, Model.VocabularySize, []));

    private void Lease(StepPlan plan)
    {
        for (int i = 0; i < plan.SequenceCount; i++)
        {
            int end = plan[i].Start + plan[i].TokenCount;
            if (plan[i].Start == 0)
            {
                Release(plan[i].Sequence); // preempted: other blocks than before
            }
            while (plan[i].Sequence.Blocks.Count * Model.BlockTokens < end)
            {
                plan[i].Sequence.Blocks.Add(_freeBlocks.Dequeue());
            }
        }
    }

    private void Release(Sequence sequence)
    {
        foreach (int block in sequence.Blocks.Blocks)
        {
            _freeBlocks.Enqueue(block);
        }
        sequence.Blocks.Truncate(0);
    }

    private void Step(StepPlan plan, Trace[] traces, int newTokens)
    {
        nint address = _forward.Run(plan);
        float[] logits = new float[plan.LogitCount * Model.VocabularySize];
        _forward.Stream.ReadAndSynchronize<float>(address, logits);
        int row = 0;
        for (int i = 0; i < plan.SequenceCount; i++)
        {
            ScheduledSequence item = plan[i];
            Trace trace = traces[item.Sequence.Id];
            int end = item.Start + item.TokenCount;
            for (int position = end - item.LogitCount; position < end; position++, row++)
            {
                trace.Logits[position] = logits[(row * Model.VocabularySize)..((row + 1) * Model.VocabularySize)];
            }
            item.Sequence.ComputedLength = end;
            if (item.Samples && item.Sequence.OutputLength < newTokens)
            {
                item.Sequence.Append(trace.ArgMax(end - 1));
            }
        }
    }
}
