using KServePaged.Engine.Contracts;
using KServePaged.Engine.KvCache;
using KServePaged.Engine.Sampling;

namespace KServePaged.Engine.Scheduling;

/// <summary>
/// One output being generated: its tokens, how many of them are computed, and the cache blocks that hold their keys and values.
/// Engine thread only.
/// </summary>
internal class Sequence
{
    private int[] _tokens;

    public Sequence(long id, ReadOnlySpan<int> prompt, int maxLength, SequenceSampling sampling)
        : this(id, prompt.ToArray(), maxLength, sampling)
    {
    }

    /// <param name="id">Rises in order of arrival: the order in which sequences are served.</param>
    /// <param name="prompt">Not copied before the first new token comes, never changed: the outputs of one prompt share it while they wait.</param>
    /// <param name="maxLength">Tokens it may ever hold: prompt plus output; room for them is taken once, with the first new token.</param>
    /// <param name="sampling">Has observed the prompt.</param>
    public Sequence(long id, int[] prompt, int maxLength, SequenceSampling sampling)
    {
        ArgumentOutOfRangeException.ThrowIfZero(prompt.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLength, prompt.Length);
        Id = id;
        PromptLength = prompt.Length;
        Length = prompt.Length;
        MaxLength = maxLength;
        Sampling = sampling;
        _tokens = prompt;
    }

    public long Id { get; }

    public int PromptLength { get; }

    public int MaxLength { get; }

    /// <summary>Tokens known: prompt and output.</summary>
    public int Length { get; private set; }

    public int OutputLength => Length - PromptLength;

    /// <summary>Tokens that steps under way will draw; at most 1 when a step is planned.</summary>
    public int PromisedCount { get; private set; }

    /// <summary>The logit row that draws the last of the promised ones, in its step.</summary>
    public int PromisedRow { get; private set; }

    /// <summary>Tokens known and promised.</summary>
    public int ExpectedLength => Length + PromisedCount;

    /// <summary>Its last token is promised: there is nothing more to compute.</summary>
    public bool IsEnding => PromisedCount > 0 && ExpectedLength == MaxLength;

    /// <summary>Tokens whose keys and values are in the cache; those of steps under way included.</summary>
    public int ComputedLength { get; set; }

    /// <summary>Expected tokens that are not computed yet: 1 while decoding, more in a prompt or after a preemption.</summary>
    public int PendingLength => ExpectedLength - ComputedLength;

    public SequenceState State { get; set; }

    public BlockTable Blocks { get; init; } = new();

    public SequenceSampling Sampling { get; }

    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Length);

    /// <summary>Ids that end the output, once it has <see cref="MinOutputLength"/> tokens; ascending.</summary>
    public int[] EndTokenIds { get; init; } = [];

    public int MinOutputLength { get; init; }

    /// <summary>
    /// The output of the same prompt that computes it first; this one waits for that and then finds the full blocks in the cache. Null = none.
    /// </summary>
    public Sequence? Leader { get; init; }

    /// <summary>Log-probabilities of the prompt's tokens are wanted, so all of it has to be computed.</summary>
    public bool ScoresPrompt { get; init; }

    /// <summary>Leading tokens whose logit rows were returned already; only counts where <see cref="ScoresPrompt"/>.</summary>
    public int ScoredLength { get; set; }

    /// <summary>Prompt tokens found in the prefix cache when it was first admitted; null before.</summary>
    public int? CachedPromptLength { get; set; }

    /// <summary>A step that draws its next token was begun.</summary>
    /// <param name="row">Of the step's logits.</param>
    public void Promise(int row)
    {
        PromisedCount++;
        PromisedRow = row;
    }

    /// <summary>Takes the next token of the output, promised or not.</summary>
    /// <returns>Why the sequence ends with it; null = it goes on.</returns>
    public FinishReason? Append(int token)
    {
        if (Length == _tokens.Length)
        {
            Array.Resize(ref _tokens, MaxLength);
            Sampling.ReserveOutput(MaxLength - Length);
        }
        _tokens[Length++] = token;
        PromisedCount = Math.Max(0, PromisedCount - 1);
        Sampling.ObserveOutput(token);
        if (OutputLength >= MinOutputLength && Array.BinarySearch(EndTokenIds, token) >= 0)
        {
            return FinishReason.Stop;
        }
        return Length == MaxLength ? FinishReason.Length : null;
    }
}
