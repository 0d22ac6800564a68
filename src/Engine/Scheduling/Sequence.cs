using KServePaged.Engine.KvCache;
using KServePaged.Engine.Sampling;

namespace KServePaged.Engine.Scheduling;

/// <summary>
/// One output being generated: its tokens, how many of them are computed, and the cache blocks that hold their keys and values.
/// Engine thread only.
/// </summary>
internal sealed class Sequence
{
    private readonly int[] _tokens;

    /// <param name="maxLength">Tokens it may ever hold: prompt plus output; the array is taken once.</param>
    public Sequence(long id, ReadOnlySpan<int> prompt, int maxLength, SequenceSampling sampling)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLength, prompt.Length);
        Id = id;
        PromptLength = prompt.Length;
        Length = prompt.Length;
        Sampling = sampling;
        _tokens = new int[maxLength];
        prompt.CopyTo(_tokens);
    }

    public long Id { get; }

    public int PromptLength { get; }

    /// <summary>Tokens known: prompt and output.</summary>
    public int Length { get; private set; }

    /// <summary>Tokens whose keys and values are in the cache; at most <see cref="Length"/>.</summary>
    public int ComputedLength { get; set; }

    public BlockTable Blocks { get; } = new();

    public SequenceSampling Sampling { get; }

    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Length);

    public void Append(int token) => _tokens[Length++] = token;
}
