using KServePaged.Engine.Contracts;
using KServePaged.Engine.Core;
using KServePaged.Engine.Diagnostics;
using KServePaged.Engine.Tests.Execution;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Engine.Tests.Core;

public sealed class EngineThreadTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly CoreRig _rig = new();
    private readonly TaskCompletionSource _released = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task Run_WhenMailComes_WakesAndWorks_ThenSleepsAgain()
    {
        await using EngineThread thread = Start();
        await thread.Ready;
        for (int i = 1; i <= 3; i++)
        {
            CoreRequest request = _rig.Submit(CoreRig.Prompt(5, i), 4);
            Assert.Equal(ScriptedExecutor.Reference(CoreRig.Prompt(5, i), 4, CoreRig.Vocabulary, 0), await ReadToEnd(request));
        }
        // Nothing ran but the steps that had something to do.
        Assert.Equal(12, _rig.Model.StepCount);
    }

    [Fact]
    public async Task Run_WhenThereIsNothingElseToDo_PreparesWhatThereIs()
    {
        _rig.Model.PreparationsLeft = 5;
        await using EngineThread thread = Start();
        await thread.Ready;
        await ReadToEnd(_rig.Submit(CoreRig.Prompt(5), 1));
        using var patience = new CancellationTokenSource(Patience);
        while (_rig.Model.PreparationsLeft > 0)
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    [Fact]
    public async Task DisposeAsync_WhileRequestsRun_EndsThemWithAbortAndReleasesTheModel()
    {
        var running = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var gate = new SemaphoreSlim(0);
        _rig.Model.BeforeStep = _ =>
        {
            running.TrySetResult();
            gate.Wait();
        };
        EngineThread thread = Start();
        await thread.Ready;
        CoreRequest request = _rig.Submit(CoreRig.Prompt(5), 50);
        await running.Task.WaitAsync(Patience);
        ValueTask disposal = thread.DisposeAsync();
        gate.Release(100);
        await disposal.AsTask().WaitAsync(Patience);
        Assert.Equal(FinishReason.Abort, CoreRig.Read(request)[^1].Finish);
        Assert.True(_released.Task.IsCompleted);
        Assert.Equal(0, _rig.Cache.Pool.UsedCount);
        Assert.Equal(Submission.Closed, _rig.Inbox.TrySubmit(_rig.New(CoreRig.Prompt(3), 1)));
    }

    [Fact]
    public async Task Run_WhenAStepFails_FailsEveryRequestAndSaysWhy()
    {
        var lost = new InvalidOperationException("device lost");
        _rig.Model.BeforeStep = _ => throw lost;
        await using EngineThread thread = Start();
        await thread.Ready;
        CoreRequest request = _rig.Submit(CoreRig.Prompt(5), 50);
        var failure = await Assert.ThrowsAsync<RequestException>(() => ReadToEnd(request));
        Assert.Equal(EngineErrorCode.Internal, failure.Code);
        Assert.Same(lost, thread.Failure);
        await _released.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task Ready_WhenPreparingFails_ThrowsThatAndReleases()
    {
        await using var thread = new EngineThread(
            _rig.Inbox, () => throw new InvalidDataException("config.json: no"), _released.SetResult, new EngineLog(NullLogger.Instance));
        Assert.Equal("config.json: no", (await Assert.ThrowsAsync<InvalidDataException>(() => thread.Ready)).Message);
        await _released.Task.WaitAsync(Patience);
    }

    private EngineThread Start() => new(_rig.Inbox, () => _rig.Core, _released.SetResult, new EngineLog(NullLogger.Instance));

    private static async Task<int[]> ReadToEnd(CoreRequest request)
    {
        List<int> tokens = [];
        var batch = new OutputBatch();
        while (true)
        {
            while (request.Output.TryTake(ref batch))
            {
                tokens.AddRange(CoreRig.TokensOf(batch.Records));
                if (batch.Failure is { } failure)
                {
                    throw failure;
                }
                if (batch.Records.Any(record => record.Finish is not null))
                {
                    return [.. tokens];
                }
            }
            await request.Output.WaitAsync().AsTask().WaitAsync(Patience);
        }
    }
}
