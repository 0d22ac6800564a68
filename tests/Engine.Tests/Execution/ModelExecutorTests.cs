using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Execution;
using KServePaged.Engine.Sampling;
using KServePaged.Engine.Scheduling;
using KServePaged.Engine.Tests.Weights;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Engine.Tests.Execution;

public sealed class ModelExecutorTests : IDisposable
{
    private readonly TemporaryDirectory _directory = TinyModel.Write();
    private readonly LoadedModel _model;
    private readonly StepPlan _plan = new();
    private readonly StepResult _result;

    public ModelExecutorTests()
    {
        var options = new EngineOptions
        {
            ModelPath = _directory.Path,
            MaxSequences = 4,
            MaxBatchedTokens = 32,
            BlockTokens = 8,
            KvCacheBytes = 4 << 20,
            Threads = 2,
        };
        _model = ModelLoader.Load(options, progress: null, NullLogger.Instance, CancellationToken.None);
        _result = new StepResult(_model.MaxLogitRows, maxTopLogprobs: 2);
    }

    public void Dispose()
    {
        _model.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Execute_ReturnsARowForEachWantedLogit()
    {
        Sequence scored = NewSequence(0, [5, 6, 7, 8], firstBlock: 0);
        Sequence chunk = NewSequence(1, [1, 2, 3, 4, 5, 6], firstBlock: 4);
        Sequence decode = NewSequence(2, [9], firstBlock: 8);
        _plan.Add(new ScheduledSequence(scored, 0, 4, 4, Samples: true));
        _plan.Add(new ScheduledSequence(chunk, 0, 3, 0, Samples: false));
        _plan.Add(new ScheduledSequence(decode, 0, 1, 1, Samples: true));

        _model.Executor.Begin(_plan, _result);
        _model.Executor.Complete();

        Assert.Equal(5, _result.RowCount);
        Assert.Equal([6, 7, 8], _result.Tokens[..3]); // the prompt's own tokens, scored
        Assert.All(_result.Tokens[3..5], token => Assert.InRange(token, 0, TinyModel.Vocabulary - 1));
        Assert.All(_result.Logprobs[..5], logprob => Assert.InRange(logprob, -20, 0));
    }

    [Fact]
    public void Execute_WhenNoLogitsAreWanted_ReturnsNoRow()
    {
        _plan.Add(new ScheduledSequence(NewSequence(0, [1, 2, 3], firstBlock: 0), 0, 2, 0, Samples: false));

        _model.Executor.Begin(_plan, _result);
        _model.Executor.Complete();

        Assert.Equal(0, _result.RowCount);
    }

    [Fact]
    public void Execute_WhenThePlanIsLargerThanPlanned_Throws()
    {
        _plan.Add(new ScheduledSequence(NewSequence(0, [.. Enumerable.Repeat(1, 33)], firstBlock: 0), 0, 33, 1, Samples: true));

        Assert.Contains("33 tokens", Assert.Throws<InvalidOperationException>(() => _model.Executor.Begin(_plan, _result)).Message);
    }

    [Fact]
    public void Execute_WhenDecodingSteadily_AllocatesNothing()
    {
        Sequence[] sequences = [.. Enumerable.Range(0, 4).Select(id => NewSequence(id, [1, 2, 3, 4, (id * 7) + 3], firstBlock: id * 16))];
        _plan.Clear();
        foreach (Sequence sequence in sequences)
        {
            _plan.Add(new ScheduledSequence(sequence, 0, 5, 1, Samples: true));
        }
        Step(sequences);
        for (int warm = 0; warm < 20; warm++)
        {
            PlanDecode(sequences);
            Step(sequences);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int step = 0; step < 40; step++)
        {
            PlanDecode(sequences);
            Step(sequences);
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private void PlanDecode(Sequence[] sequences)
    {
        _plan.Clear();
        foreach (Sequence sequence in sequences)
        {
            _plan.Add(new ScheduledSequence(sequence, sequence.ComputedLength, 1, 1, Samples: true));
        }
    }

    private void Step(Sequence[] sequences)
    {
        _model.Executor.Begin(_plan, _result);
        _model.Executor.Complete();
        for (int i = 0; i < sequences.Length; i++)
        {
            sequences[i].ComputedLength = sequences[i].Length;
            sequences[i].Append(_result.Tokens[i]);
        }
    }

    private Sequence NewSequence(int id, int[] prompt, int firstBlock)
    {
        var parameters = new SamplingParameters { Temperature = 1, TopK = 5, PromptLogprobs = 0, TopLogprobs = 1 };
        var sequence = new Sequence(id, prompt, 100, new SequenceSampling(parameters, (ulong)id, TinyModel.Vocabulary, _model.EndTokenIds));
        for (int block = 0; block < 13; block++)
        {
            sequence.Blocks.Add(firstBlock + block);
        }
        return sequence;
    }
}
