using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using KServePaged.Engine;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Tests.Doubles;

/// <summary>An engine that says what its script says. Text has one token a character, whose id is the character's code.</summary>
internal sealed class ScriptedEngine : ILlmEngine, ITextCodec
{
    private readonly ConcurrentQueue<GenerationRequest> _requests = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _disposed = new();
    private int _open;

    /// <summary>The tokens of every output, in order.</summary>
    public IReadOnlyList<string> Script { get; set; } = ["Hello", ",", " world", "!"];

    /// <summary>Replaces the script: the deltas after the start delta.</summary>
    public Func<GenerationRequest, IEnumerable<GenerationDelta>>? Deltas { get; set; }

    /// <summary>Runs before each delta; a test holds the engine here.</summary>
    public Func<int, CancellationToken, Task> BeforeDelta { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>How long every request waited.</summary>
    public TimeSpan QueueTime { get; set; }

    /// <summary>When every request was accepted; null = it does not say.</summary>
    public DateTimeOffset? AcceptedAt { get; set; }

    /// <summary>From its first step to its first token.</summary>
    public TimeSpan PrefillTime { get; set; }

    /// <summary>From each token to the next.</summary>
    public TimeSpan DecodeTime { get; set; }

    /// <summary>Thrown by the first MoveNextAsync.</summary>
    public Exception? Refusal { get; set; }

    public bool Drains { get; private set; }

    public bool IsDisposed => _disposed.IsCancellationRequested;

    public IReadOnlyCollection<GenerationRequest> Requests => _requests;

    public GenerationRequest LastRequest => _requests.Last();

    /// <summary>Generations whose enumerator is not yet disposed.</summary>
    public int Open => Volatile.Read(ref _open);

    /// <summary>Raised whenever a generation has been disposed.</summary>
    public event Action? Closed;

    public Exception? Failure { get; set; }

    public ModelInfo Model { get; set; } = new()
    {
        Path = "/models/scripted",
        Architecture = "ScriptedForCausalLM",
        VocabularySize = 65536,
        MaxModelLength = 4096,
        DType = "float32",
        ParameterCount = 1,
        MemoryBytes = 1 << 20,
        HasTokenizer = true,
        HasChatTemplate = true,
        BlockTokens = 16,
        BlockCount = 256,
    };

    public ITextCodec Text => this;

    /// <summary>What it says of its load; null = what runs.</summary>
    public EngineStatistics? Load { get; set; }

    public EngineStatistics Statistics => Load ?? new(Open, 0, 0, 0, 256);

    public async IAsyncEnumerable<GenerationDelta> GenerateAsync(
        GenerationRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (Drains)
        {
            throw new RequestException(EngineErrorCode.Draining, "draining");
        }
        if (Refusal is { } refusal)
        {
            throw refusal;
        }
        _requests.Enqueue(request);
        Interlocked.Increment(ref _open);
        try
        {
            using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposed.Token);
            IReadOnlyList<int> prompt = Encode(request.Prompt);
            string promptText = request.Prompt is Prompt.Text text ? text.Value : string.Concat(prompt.Select(id => (char)id));
            yield return new GenerationDelta
            {
                IsStart = true,
                AcceptedAt = AcceptedAt,
                PromptTokenIds = prompt,
                PromptText = promptText,
                PromptLogprobs = request.Sampling.PromptLogprobs is null
                    ? null
                    : [.. prompt.Select((id, i) => Logprob(((char)id).ToString(), id, i == 0 ? null : -0.5f, request.Sampling.PromptLogprobs))],
                Usage = new Usage(prompt.Count, 0, 0),
            };
            int index = 0;
            foreach (GenerationDelta delta in Deltas?.Invoke(request) ?? Default(request, prompt.Count))
            {
                if (await IsDisposedBeforeAsync(index++, linked.Token))
                {
                    yield return new GenerationDelta { OutputIndex = delta.OutputIndex, FinishReason = FinishReason.Abort, Usage = delta.Usage };
                    yield break;
                }
                cancellationToken.ThrowIfCancellationRequested();
                yield return delta;
            }
        }
        finally
        {
            if (Interlocked.Decrement(ref _open) == 0 && Drains)
            {
                _drained.TrySetResult();
            }
            Closed?.Invoke();
        }
    }

    public Task DrainAsync(CancellationToken cancellationToken)
    {
        Drains = true;
        if (Open == 0)
        {
            _drained.TrySetResult();
        }
        return _drained.Task.WaitAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync() => await _disposed.CancelAsync();

    public IReadOnlyList<int> Encode(Prompt prompt) => prompt switch
    {
        Prompt.TokenIds ids => ids.Ids,
        Prompt.Text text => [.. text.Value.Select(c => (int)c)],
        Prompt.Chat chat => [.. chat.Messages.GetRawText().Select(c => (int)c)],
        _ => throw new ArgumentException("a new kind of prompt", nameof(prompt)),
    };

    public string Decode(IReadOnlyList<int> tokenIds, bool skipSpecialTokens) => string.Concat(tokenIds.Select(id => (char)id));

    public string? TokenOf(int tokenId) => ((char)tokenId).ToString();

    /// <summary>A log-probability with <paramref name="top"/> alternatives t1, t2…</summary>
    public static TokenLogprob Logprob(string text, int id, float? value, int? top) => new(
        id, text, System.Text.Encoding.UTF8.GetBytes(text), value, 1,
        [.. Enumerable.Range(1, top ?? 0).Select(i => new TokenLogprob(id + i - 1, i == 1 ? text : $"t{i}", new byte[] { 116 }, -i / 2f, i, []))]);

    private async Task<bool> IsDisposedBeforeAsync(int delta, CancellationToken cancellationToken)
    {
        try
        {
            await BeforeDelta(delta, cancellationToken);
        }
        catch (OperationCanceledException) when (_disposed.IsCancellationRequested)
        {
            return true;
        }
        return _disposed.IsCancellationRequested;
    }

    private IEnumerable<GenerationDelta> Default(GenerationRequest request, int promptTokens)
    {
        int length = Math.Min(Script.Count, request.Sampling.MaxTokens ?? Script.Count);
        int completed = 0;
        for (int output = 0; output < request.OutputCount; output++)
        {
            if (length == 0)
            {
                yield return new GenerationDelta
                {
                    OutputIndex = output,
                    FinishReason = FinishReason.Length,
                    Usage = new Usage(promptTokens, 0, 0),
                };
            }
            for (int i = 0; i < length; i++)
            {
                int id = 1000 + i;
                yield return new GenerationDelta
                {
                    OutputIndex = output,
                    Text = Script[i],
                    TokenIds = [id],
                    Logprobs = request.Sampling.TopLogprobs is { } top ? [Logprob(Script[i], id, -0.25f, top)] : [],
                    QueueTime = QueueTime,
                    PrefillTime = PrefillTime,
                    DecodeTime = DecodeTime * i,
                    FinishReason = i + 1 < length ? null : length < Script.Count ? FinishReason.Length : FinishReason.Stop,
                    Usage = new Usage(promptTokens, ++completed, 0),
                };
            }
        }
    }
}
