using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Diagnostics;
using KServePaged.Engine.Processing;
using KServePaged.Engine.Tests.Processing;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Engine.Tests;

public sealed class LlmEngineTests
{
    [Fact]
    public async Task GenerateAsync_StreamsTheStartThenEachTokenThenTheEnd()
    {
        await using EngineRig rig = await EngineRig.StartAsync();
        List<GenerationDelta> deltas = await rig.CollectAsync(EngineRig.Request(maxTokens: 8));
        Assert.True(deltas[0].IsStart);
        Assert.Equal("hello world", deltas[0].PromptText);
        int[] expected = EngineRig.Expected(8);
        Assert.Equal(expected, EngineRig.TokensOf(deltas));
        Assert.Equal(ByteTokenizer.Ascii().Decode(expected, skipSpecialTokens: true), string.Concat(deltas.Select(delta => delta.Text)));
        Assert.Equal(FinishReason.Length, deltas[^1].FinishReason);
        Assert.Equal(new Usage(12, 8, 0), deltas[^1].Usage);
        Assert.All(deltas.SkipLast(1), delta => Assert.Null(delta.FinishReason));
        await rig.AssertIdleAsync();
    }

    [Fact]
    public async Task GenerateAsync_TellsAcceptanceAndTheTimesOfItsStages()
    {
        await using EngineRig rig = await EngineRig.StartAsync();
        DateTimeOffset before = DateTimeOffset.UtcNow;
        List<GenerationDelta> deltas = await rig.CollectAsync(EngineRig.Request());
        GenerationDelta last = deltas[^1];
        DateTimeOffset accepted = deltas[0].AcceptedAt!.Value; // the start has it
        Assert.InRange(accepted + last.QueueTime + last.PrefillTime + last.DecodeTime, before, DateTimeOffset.UtcNow);
        Assert.True(last.PrefillTime > TimeSpan.Zero);
        Assert.All(deltas.Skip(1).Zip(deltas.Skip(2)), pair => Assert.True(pair.First.DecodeTime <= pair.Second.DecodeTime));
        Assert.All(deltas.Skip(1), delta => Assert.Equal(last.PrefillTime, delta.PrefillTime));
    }

    [Fact]
    public async Task GenerateAsync_TheSecondTime_FindsThePrefixAndGivesTheSame()
    {
        await using EngineRig rig = await EngineRig.StartAsync();
        int[] first = EngineRig.TokensOf(await rig.CollectAsync(EngineRig.Request()));
        List<GenerationDelta> second = await rig.CollectAsync(EngineRig.Request());
        Assert.Equal(first, EngineRig.TokensOf(second));
        Assert.Equal(8, second[^1].Usage.CachedPromptTokens);
        List<GenerationDelta> salted = await rig.CollectAsync(EngineRig.Request() with { CacheSalt = "tenant" });
        Assert.Equal(0, salted[^1].Usage.CachedPromptTokens);
    }

    [Fact]
    public async Task GenerateAsync_ForSeveralOutputs_SeedsAndEndsEach()
    {
        await using EngineRig rig = await EngineRig.StartAsync();
        List<GenerationDelta> deltas = await rig.CollectAsync(EngineRig.Request(maxTokens: 6, n: 3));
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(EngineRig.Expected(6, seed: 5 + (ulong)i), EngineRig.TokensOf(deltas, output: i));
            Assert.Single(deltas, delta => delta.OutputIndex == i && delta.FinishReason is not null);
        }
        Assert.Equal(18, deltas[^1].Usage.CompletionTokens);
        await rig.AssertIdleAsync();
    }

    [Fact]
    public async Task GenerateAsync_WhenAStopStringComes_EndsAndFreesTheBlocks()
    {
        await using EngineRig rig = await EngineRig.StartAsync();
        string whole = string.Concat((await rig.CollectAsync(EngineRig.Request(maxTokens: 40))).Select(delta => delta.Text));
        string stop = whole[7..9];
        List<GenerationDelta> deltas = await rig.CollectAsync(EngineRig.Request(maxTokens: 40, new SamplingParameters { Stop = [stop] }));
        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], string.Concat(deltas.Select(delta => delta.Text)));
        Assert.Equal((FinishReason.Stop, stop), (deltas[^1].FinishReason, deltas[^1].StopString));
        await rig.AssertIdleAsync();
    }

    [Fact]
    public async Task GenerateAsync_ForAScoredPromptWithoutOutput_GivesScoresOnly()
    {
        await using EngineRig rig = await EngineRig.StartAsync();
        List<GenerationDelta> deltas = await rig.CollectAsync(EngineRig.Request(maxTokens: 0, new SamplingParameters { PromptLogprobs = 1, TopLogprobs = 1 }));
        Assert.Equal(2, deltas.Count);
        Assert.Equal(12, deltas[0].PromptLogprobs!.Count);
        Assert.Null(deltas[0].PromptLogprobs![0].Logprob);
        Assert.All(deltas[0].PromptLogprobs!.Skip(1), entry => Assert.Single(entry.Top));
        Assert.Equal(("", 0, FinishReason.Length, 1), (deltas[1].Text, deltas[1].TokenIds.Count, deltas[1].FinishReason, deltas[1].Usage.CompletionTokens));
    }

    [Fact]
    public async Task GenerateAsync_WhenTheReaderLeaves_FreesTheBlocks()
    {
        await using EngineRig rig = await EngineRig.StartAsync();
        await foreach (GenerationDelta delta in rig.Engine.GenerateAsync(EngineRig.Request(maxTokens: 80), CancellationToken.None))
        {
            if (!delta.IsStart)
            {
                break;
            }
        }
        await rig.AssertIdleAsync();
    }

    [Fact]
    public async Task GenerateAsync_WhenCancelled_ThrowsAndFreesTheBlocks()
    {
        await using EngineRig rig = await EngineRig.StartAsync();
        using var cancellation = new CancellationTokenSource();
        using var gate = new SemaphoreSlim(0);
        rig.Model.BeforeStep = plan =>
        {
            if (plan[0].Sequence.OutputLength == 3)
            {
                cancellation.Cancel(); // while the reader waits
                gate.Wait();
            }
        };
        Task<List<GenerationDelta>> reading = rig.CollectAsync(EngineRig.Request(maxTokens: 80), cancellation.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.WaitAsync(EngineRig.Patience));
        gate.Release(1000);
        await rig.AssertIdleAsync();
    }

    [Fact]
    public async Task GenerateAsync_OfABadRequest_ThrowsBeforeAnyDelta()
    {
        await using EngineRig rig = await EngineRig.StartAsync();
        IAsyncEnumerator<GenerationDelta> reading = rig.Engine
            .GenerateAsync(EngineRig.Request(sampling: new SamplingParameters { TopP = 2 }), CancellationToken.None).GetAsyncEnumerator();
        Assert.Equal("top_p", (await Assert.ThrowsAsync<RequestException>(() => reading.MoveNextAsync().AsTask())).Parameter);
    }

    [Fact]
    public async Task GenerateAsync_AfterItsDeadline_IsRefused()
    {
        await using EngineRig rig = await EngineRig.StartAsync();
        GenerationRequest late = EngineRig.Request() with { Deadline = DateTimeOffset.UtcNow.AddSeconds(-1) };
        Assert.Equal(EngineErrorCode.DeadlineExceeded, (await Assert.ThrowsAsync<RequestException>(() => rig.CollectAsync(late))).Code);
    }

    [Fact]
    public async Task GenerateAsync_WhenTheDeadlinePasses_FailsWithIt()
    {
        await using EngineRig rig = await EngineRig.StartAsync();
        DateTimeOffset deadline = DateTimeOffset.UtcNow.AddMilliseconds(30);
        rig.Model.BeforeStep = plan =>
        {
            if (plan[0].Sequence.OutputLength == 3)
            {
                SpinWait.SpinUntil(() => DateTimeOffset.UtcNow > deadline.AddMilliseconds(5));
            }
        };
        GenerationRequest request = EngineRig.Request(maxTokens: 80) with { Deadline = deadline };
        Assert.Equal(EngineErrorCode.DeadlineExceeded, (await Assert.ThrowsAsync<RequestException>(() => rig.CollectAsync(request))).Code);
        await rig.AssertIdleAsync();
    }

    [Fact]
    public async Task GenerateAsync_WhenTheQueueIsFull_IsRefusedWithATimeToWait()
    {
        await using EngineRig rig = await EngineRig.StartAsync(new EngineOptions { ModelPath = "m", MaxSequences = 1, MaxQueuedRequests = 1 });
        using var gate = new SemaphoreSlim(0);
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        rig.Model.BeforeStep = _ =>
        {
            began.TrySetResult();
            gate.Wait();
        };
        Task<List<GenerationDelta>> running = rig.CollectAsync(EngineRig.Request());
        await began.Task.WaitAsync(EngineRig.Patience);
        // The one that is computed left the queue only when its step ends, so the queue is full already.
        RequestException refusal = await Assert.ThrowsAsync<RequestException>(() => rig.CollectAsync(EngineRig.Request()));
        Assert.Equal(EngineErrorCode.Overloaded, refusal.Code);
        Assert.NotNull(refusal.RetryAfter);
        gate.Release(1000);
        await running.WaitAsync(EngineRig.Patience);
        await rig.CollectAsync(EngineRig.Request());
    }

    [Fact]
    public async Task DrainAsync_LetsRunningRequestsEndAndRefusesNewOnes()
    {
        await using EngineRig rig = await EngineRig.StartAsync();
        using var gate = new SemaphoreSlim(0);
        rig.Model.BeforeStep = _ => gate.Wait();
        Task<List<GenerationDelta>> running = rig.CollectAsync(EngineRig.Request());
        Task drain = rig.Engine.DrainAsync(CancellationToken.None);
        Assert.Equal(EngineErrorCode.Draining, (await Assert.ThrowsAsync<RequestException>(() => rig.CollectAsync(EngineRig.Request()))).Code);
        Assert.False(drain.IsCompleted);
        gate.Release(1000);
        await drain.WaitAsync(EngineRig.Patience);
        Assert.Equal(FinishReason.Length, (await running)[^1].FinishReason);
    }

    [Fact]
    public async Task DisposeAsync_EndsWhatRunsWithAbortAndFreesTheModel()
    {
        EngineRig rig = await EngineRig.StartAsync();
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var gate = new SemaphoreSlim(0);
        rig.Model.BeforeStep = _ =>
        {
            began.TrySetResult();
            gate.Wait();
        };
        Task<List<GenerationDelta>> running = rig.CollectAsync(EngineRig.Request(maxTokens: 80));
        await began.Task.WaitAsync(EngineRig.Patience);
        Task disposal = rig.Engine.DisposeAsync().AsTask();
        gate.Release(1000);
        await disposal.WaitAsync(EngineRig.Patience);
        Assert.Equal(FinishReason.Abort, (await running.WaitAsync(EngineRig.Patience))[^1].FinishReason);
        Assert.True(rig.ModelIsDisposed);
        await rig.Engine.DisposeAsync();
    }

    [Fact]
    public async Task Failure_WhenAStepThrows_IsSetAndEveryRequestFails()
    {
        await using EngineRig rig = await EngineRig.StartAsync();
        Assert.Null(rig.Engine.Failure);
        var lost = new InvalidOperationException("device lost");
        rig.Model.BeforeStep = _ => throw lost;
        RequestException[] failures = await Task.WhenAll(
            Enumerable.Range(0, 4).Select(_ => Assert.ThrowsAsync<RequestException>(() => rig.CollectAsync(EngineRig.Request()).WaitAsync(EngineRig.Patience))));
        Assert.All(failures, failure => Assert.Equal(EngineErrorCode.Internal, failure.Code));
        Assert.Same(lost, rig.Engine.Failure);
        await rig.Engine.DrainAsync(CancellationToken.None).WaitAsync(EngineRig.Patience);
    }

    [Fact]
    public async Task StartAsync_WhenLoadingFails_ThrowsTheReason()
    {
        var failure = await Assert.ThrowsAsync<InvalidDataException>(() => LlmEngine.StartAsync(
            new EngineOptions { ModelPath = "m" }, () => throw new InvalidDataException("config.json: no"), _ => new TextCodec(null, null, 1), null,
            new EngineLog(NullLogger.Instance), TimeProvider.System));
        Assert.Equal("config.json: no", failure.Message);
    }

    [Fact]
    public async Task StartAsync_WarmsUpAndCountsNothingOfIt()
    {
        await using EngineRig rig = await EngineRig.StartAsync();
        Assert.Equal(2, rig.Model.StepCount);
        Assert.Equal(new EngineStatistics(0, 0, 0, 0, 64), rig.Engine.Statistics);
        Assert.Equal(("models/scripted", "Scripted", 100, true, false), (rig.Engine.Model.Path, rig.Engine.Model.Architecture, rig.Engine.Model.MaxModelLength, rig.Engine.Model.HasTokenizer, rig.Engine.Model.HasChatTemplate));
    }

    [Fact]
    public async Task GenerateAsync_WithoutATokenizer_ServesIds()
    {
        await using EngineRig rig = await EngineRig.StartAsync(hasTokenizer: false);
        List<GenerationDelta> deltas = await rig.CollectAsync(EngineRig.Request(prompt: new Prompt.TokenIds([3, 4, 5])));
        Assert.Equal(8, EngineRig.TokensOf(deltas).Length);
        Assert.All(deltas, delta => Assert.Empty(delta.Text));
        Assert.Equal(EngineErrorCode.Unsupported, (await Assert.ThrowsAsync<RequestException>(() => rig.CollectAsync(EngineRig.Request()))).Code);
    }

    [Fact]
    public async Task GenerateAsync_FromManyReadersAtOnce_GivesEachItsOwn()
    {
        await using EngineRig rig = await EngineRig.StartAsync(new EngineOptions { ModelPath = "m", MaxSequences = 7, MaxBatchedTokens = 20 });
        await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            var sampling = new SamplingParameters { Seed = i };
            if (i % 5 == 0)
            {
                await foreach (GenerationDelta delta in rig.Engine.GenerateAsync(EngineRig.Request(60, sampling), CancellationToken.None))
                {
                    if (delta.Usage.CompletionTokens > i % 11)
                    {
                        break;
                    }
                }
                return;
            }
            List<GenerationDelta> deltas = await rig.CollectAsync(EngineRig.Request(1 + i % 30, sampling));
            Assert.Equal(EngineRig.Expected(1 + i % 30, seed: (ulong)i), EngineRig.TokensOf(deltas));
        })).WaitAsync(EngineRig.Patience);
        await rig.AssertIdleAsync();
    }
}
