using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Hosting;

public sealed class GenerationBatchTests : IAsyncDisposable
{
    private readonly ScriptedEngine _engine = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task Start_WhenOneIsRefused_AbortsTheOthersAndThrowsItsRefusal()
    {
        // The script's own tokens are the way to tell the prompts apart: the second has an id the engine does not take.
        var engine = new RefusingEngine(_engine, promptId: 2);
        RequestException refusal = await Assert.ThrowsAsync<RequestException>(() => GenerationBatch.StartAsync(engine, Requests(1, 2, 3), Cancel));
        Assert.Equal("prompt 2", refusal.Message);
        Assert.Equal((2, 0), (_engine.Requests.Count, _engine.Open));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public async Task Read_GivesEveryDeltaOfEveryPromptInItsOrder(int prompts)
    {
        await using GenerationBatch batch = await GenerationBatch.StartAsync(_engine, Requests([.. Enumerable.Range(1, prompts)]), Cancel);
        Assert.Equal(Enumerable.Range(1, prompts), batch.Starts.Select(start => start.PromptTokenIds!.Single()));
        string[] texts = new string[prompts];
        await foreach ((int prompt, GenerationDelta delta) in batch.ReadAsync())
        {
            texts[prompt] += delta.Text;
        }
        Assert.All(texts, text => Assert.Equal("Hello, world!", text));
        Assert.Equal(prompts, batch.Starts.Count);
    }

    [Fact]
    public async Task Read_WhenOneFails_ThrowsAndDisposeFreesAll()
    {
        int deltas = 0;
        _engine.BeforeDelta = (_, _) => Interlocked.Increment(ref deltas) == 4 ? throw new InvalidOperationException("broken") : Task.CompletedTask;
        GenerationBatch batch = await GenerationBatch.StartAsync(_engine, Requests(1, 2, 3), Cancel);
        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(async () =>
        {
            await foreach (var _ in batch.ReadAsync())
            {
                Assert.True(_engine.Open > 0);
            }
        });
        Assert.Equal("broken", failure.Message);
        await batch.DisposeAsync();
        Assert.Equal(0, _engine.Open);
    }

    [Fact]
    public async Task Dispose_BeforeTheEnd_FreesAll()
    {
        GenerationBatch batch = await GenerationBatch.StartAsync(_engine, Requests(1, 2), Cancel);
        await foreach (var _ in batch.ReadAsync())
        {
            break;
        }
        await batch.DisposeAsync();
        Assert.Equal(0, _engine.Open);
    }

    private static GenerationRequest[] Requests(params int[] promptIds) =>
        [.. promptIds.Select(id => new GenerationRequest { RequestId = $"r{id}", Prompt = new Prompt.TokenIds([id]) })];

    private sealed class RefusingEngine(ScriptedEngine engine, int promptId) : KServePaged.Engine.ILlmEngine
    {
        public ModelInfo Model => engine.Model;

        public ITextCodec Text => engine.Text;

        public EngineStatistics Statistics => engine.Statistics;

        public Exception? Failure => engine.Failure;

        public IAsyncEnumerable<GenerationDelta> GenerateAsync(GenerationRequest request, CancellationToken cancellationToken) =>
            request.Prompt is Prompt.TokenIds ids && ids.Ids[0] == promptId ? RefuseAsync() : engine.GenerateAsync(request, cancellationToken);

        public Task DrainAsync(CancellationToken cancellationToken) => engine.DrainAsync(cancellationToken);

        public ValueTask DisposeAsync() => engine.DisposeAsync();

        private async IAsyncEnumerable<GenerationDelta> RefuseAsync()
        {
            await Task.Yield();
            if (promptId > 0)
            {
                throw new RequestException(EngineErrorCode.InvalidArgument, $"prompt {promptId}");
            }
            yield break;
        }
    }
}
