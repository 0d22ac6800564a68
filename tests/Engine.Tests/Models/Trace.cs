using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Tests.Models;

/// <summary>What a run computed for one sequence.</summary>
internal sealed class Trace(Sequence sequence)
{
    public Sequence Sequence { get; } = sequence;

    /// <summary>By position; null where no logits were asked for.</summary>
    public float[]?[] Logits { get; } = new float[]?[sequence.MaxLength];

    public int[] Output => Sequence.Tokens[Sequence.PromptLength..].ToArray();

    /// <summary>All tokens are chosen; without any wanted, the whole prompt is computed.</summary>
    public bool IsComplete(int newTokens) =>
        Sequence.OutputLength == newTokens && (newTokens > 0 || Sequence.PendingLength == 0);

    public float[] At(int position) => Logits[position] ?? throw new InvalidOperationException($"no logits at {position}");

    public int ArgMax(int position) => Array.IndexOf(At(position), At(position).Max());
}
