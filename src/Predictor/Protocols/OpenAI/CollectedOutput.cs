using System.Text;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Hosting;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary>One output put together from its deltas.</summary>
internal sealed class CollectedOutput
{
    private readonly StringBuilder _text = new();
    private readonly List<int> _tokenIds = [];
    private readonly List<TokenLogprob> _logprobs = [];

    public string Text => _text.ToString();

    public IReadOnlyList<int> TokenIds => _tokenIds;

    public IReadOnlyList<TokenLogprob> Logprobs => _logprobs;

    /// <summary>The delta that ended the output.</summary>
    public GenerationDelta Last { get; private set; } = new();

    public void Add(GenerationDelta delta)
    {
        _text.Append(delta.Text);
        _tokenIds.AddRange(delta.TokenIds);
        _logprobs.AddRange(delta.Logprobs);
        Last = delta;
    }

    /// <summary>All that was added since the last call as one delta.</summary>
    public GenerationDelta Drain()
    {
        GenerationDelta merged = Last with { Text = Text, TokenIds = [.. _tokenIds], Logprobs = [.. _logprobs] };
        _text.Clear();
        _tokenIds.Clear();
        _logprobs.Clear();
        return merged;
    }

    /// <summary>Reads a whole batch.</summary>
    /// <returns>The outputs by prompt, then by output, and the usage of all.</returns>
    public static async Task<(CollectedOutput[][] Outputs, Usage Usage)> CollectAsync(GenerationBatch batch, int outputCount)
    {
        CollectedOutput[][] outputs = [.. batch.Starts.Select(_ => Enumerable.Range(0, outputCount).Select(_ => new CollectedOutput()).ToArray())];
        Usage[] usages = [.. batch.Starts.Select(start => start.Usage)];
        await foreach ((int prompt, GenerationDelta delta) in batch.ReadAsync().ConfigureAwait(false))
        {
            RefuseFailure(delta);
            outputs[prompt][delta.OutputIndex].Add(delta);
            usages[prompt] = delta.Usage;
        }
        return (outputs, Sum(usages));
    }

    /// <exception cref="RequestException">The engine failed.</exception>
    public static void RefuseFailure(GenerationDelta delta)
    {
        if (delta.FinishReason == FinishReason.Error)
        {
            throw new RequestException(EngineErrorCode.Internal, "The engine failed while it generated this answer.");
        }
    }

    public static Usage Sum(IEnumerable<Usage> usages) => usages.Aggregate(
        (a, b) => new Usage(a.PromptTokens + b.PromptTokens, a.CompletionTokens + b.CompletionTokens, a.CachedPromptTokens + b.CachedPromptTokens));
}
