using System.Text;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Generation;

/// <summary>One finished (or growing) output, gathered from its deltas.</summary>
internal sealed class GeneratedText
{
    private readonly StringBuilder _text = new();

    public string Text => _text.ToString();

    public List<int> TokenIds { get; } = [];

    public List<TokenLogprob> Logprobs { get; } = [];

    public FinishReason? FinishReason { get; private set; }

    /// <summary>A stop string or stop id ended it, not the model's own end token.</summary>
    public bool StoppedByRequest { get; private set; }

    /// <summary>Sum of the tokens' log-probabilities.</summary>
    public float CumulativeLogprob => (float)Logprobs.Sum(entry => (double)(entry.Logprob ?? 0));

    public void Add(GenerationDelta delta)
    {
        _text.Append(delta.Text);
        TokenIds.AddRange(delta.TokenIds);
        Logprobs.AddRange(delta.Logprobs);
        FinishReason ??= delta.FinishReason;
        StoppedByRequest |= delta.StopString is not null || delta.StopTokenId is not null;
    }
}
