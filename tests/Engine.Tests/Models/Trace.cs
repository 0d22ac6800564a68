using System.Runtime.InteropServices;
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

    /// <summary>This trace has logits everywhere; the other's, wherever it asked for some, are the same bits.</summary>
    public void AssertSameBits(Trace other)
    {
        Assert.Equal(Output, other.Output);
        for (int position = 0; position < Logits.Length; position++)
        {
            if (other.Logits[position] is { } logits)
            {
                Assert.True(
                    MemoryMarshal.Cast<float, int>(At(position)).SequenceEqual(MemoryMarshal.Cast<float, int>(logits)),
                    $"sequence {Sequence.Id}: the logits at position {position} differ");
            }
        }
    }
}
