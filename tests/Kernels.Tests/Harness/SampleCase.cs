using KServePaged.Engine.Kernels;

namespace KServePaged.Kernels.Tests.Harness;

/// <summary>One row of logits and how it is sampled.</summary>
internal sealed record SampleCase(float[] Logits)
{
    public string Name { get; init; } = "";

    public float Temperature { get; init; } = 1;

    public float TopP { get; init; } = 1;

    public float MinP { get; init; }

    public int TopK { get; init; }

    public float Repetition { get; init; } = 1;

    public float Presence { get; init; }

    public float Frequency { get; init; }

    /// <summary>Ids seen, ascending, with their occurrences in the output.</summary>
    public (int Id, int OutputCount)[] History { get; init; } = [];

    public (int Id, float Value)[] Bias { get; init; } = [];

    public int[] Banned { get; init; } = [];

    public int TopLogprobs { get; init; } = -1;

    public int GivenToken { get; init; } = -1;

    public ulong Seed { get; init; }

    public ulong Position { get; init; }

    public override string ToString() =>
        $"{Name} vocabulary {Logits.Length} T {Temperature} top_p {TopP} min_p {MinP} top_k {TopK} seed {Seed} position {Position}";
}
