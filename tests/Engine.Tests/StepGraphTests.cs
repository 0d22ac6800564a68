using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Core;
using KServePaged.Engine.Execution;
using KServePaged.Engine.Scheduling;
using KServePaged.Engine.Tests.Execution;
using KServePaged.Engine.Tests.Weights;
using KServePaged.Kernels.Emulation;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Engine.Tests;

/// <summary>What a step asks of a GPU, counted on the emulated one.</summary>
[Collection(nameof(CudaEmulation))]
public sealed class StepGraphTests : IDisposable
{
    private readonly TemporaryDirectory _directory = TinyModel.Write(config: TinyModel.Config.Replace("256", "1024", StringComparison.Ordinal));
    private readonly LoadedModel _model;

    public StepGraphTests()
    {
        var options = new EngineOptions
        {
            ModelPath = _directory.Path,
            Device = CudaEmulation.Library,
            MaxSequences = 40,
            MaxBatchedTokens = 64,
            BlockTokens = 8,
            KvCacheBytes = 4 << 20,
            MaxLogprobs = 5,
        };
        _model = ModelLoader.Load(options, progress: null, NullLogger.Instance, CancellationToken.None);
    }

    public void Dispose()
    {
        _model.Dispose();
        _directory.Dispose();
    }

    private int GraphCount => ((ModelExecutor)_model.Executor).GraphCount;

    /// <summary>Three rows in a graph of four, and eleven in one of sixteen.</summary>
    [Theory]
    [InlineData(3)]
    [InlineData(11)]
    public void Step_InSteadyDecode_IsOneLaunchWithoutAnAllocationAndWaitsForItsTokensAlone(int sequences)
    {
        using InvarianceRun run = Run();
        for (int i = 0; i < sequences; i++)
        {
            run.Submit(Case(5 + i, 100, new SamplingParameters { Temperature = i % 2, TopK = 5, TopLogprobs = i % 5 }));
        }
        Steps(run, 12);
        int graphs = GraphCount;
        EmulationCounts before = CudaEmulation.Counts;
        Steps(run, 20);
        Assert.Equal(before with { GraphLaunches = before.GraphLaunches + 20, Waits = before.Waits + 20 }, CudaEmulation.Counts);
        Assert.Equal(graphs, GraphCount);
    }

    /// <summary>These wait for the token, since the next draw looks at it; the step is one launch all the same.</summary>
    [Fact]
    public void Step_WithPenalties_IsOneLaunchToo()
    {
        using InvarianceRun run = Run();
        run.Submit(Case(5, 100, new SamplingParameters { RepetitionPenalty = 1.2, FrequencyPenalty = 0.1 }));
        Steps(run, 12);
        EmulationCounts before = CudaEmulation.Counts;
        Steps(run, 20);
        Assert.Equal(before with { GraphLaunches = before.GraphLaunches + 20, Waits = before.Waits + 20 }, CudaEmulation.Counts);
    }

    [Fact]
    public void Step_WhenItsContextOutgrowsTheGraph_GoesOnWithoutAndRecordsTheNext()
    {
        using InvarianceRun run = Run();
        run.Submit(Case(1, 270, new SamplingParameters()));
        Steps(run, 250);
        Assert.Equal(1, GraphCount);
        Steps(run, 15);
        Assert.Equal(2, GraphCount);
    }

    /// <summary>Histories longer than the room for them: the recorded steps would read where they no longer are.</summary>
    [Fact]
    public void Step_WhenTheListsOfPenaltiesMove_RecordsAnewAndGivesTheSameBits()
    {
        InvarianceCase[] cases =
        [
            .. Enumerable.Range(0, 36).Select(i => new InvarianceCase(
                [.. Enumerable.Range(0, TinyModel.Vocabulary).Select(id => (id + i) % TinyModel.Vocabulary)],
                45,
                1,
                new SamplingParameters { RepetitionPenalty = 1.3, Temperature = 0.8, IgnoreEos = true, TopLogprobs = 2 },
                (ulong)i)),
        ];
        List<int>[] alone = [.. cases.Take(3).Select(RunAlone)];
        Assert.True(GraphCount > 0);
        using InvarianceRun run = Run();
        CoreRequest[] requests = [.. cases.Select(run.Submit)];
        long allocations = CudaEmulation.Counts.Allocations;
        while (run.Step())
        {
        }
        Assert.True(CudaEmulation.Counts.Allocations > allocations, "the lists found room");
        Assert.True(GraphCount > 0);
        for (int i = 0; i < alone.Length; i++)
        {
            Assert.Equal(alone[i], run.Read(requests[i])[0]);
        }
    }

    private List<int> RunAlone(InvarianceCase one)
    {
        using InvarianceRun run = Run();
        CoreRequest request = run.Submit(one);
        while (run.Step())
        {
        }
        return run.Read(request)[0];
    }

    private InvarianceRun Run() => new(_model, _model.BlockCount, new SchedulingLimits(40, 64, 64), sharePrefixes: false);

    private static InvarianceCase Case(int promptLength, int maxNew, SamplingParameters sampling) =>
        new([.. Enumerable.Range(3, promptLength)], maxNew, 1, sampling with { IgnoreEos = true }, 7);

    private static void Steps(InvarianceRun run, int count)
    {
        for (int i = 0; i < count; i++)
        {
            Assert.True(run.Step());
        }
    }
}
