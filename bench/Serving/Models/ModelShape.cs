namespace KServePaged.Serving.Models;

/// <summary>A Llama by its sizes; output weights are a matrix of their own (untied).</summary>
internal sealed record ModelShape(string Name, int Hidden, int Layers, int Heads, int KvHeads, int Ffn, int Vocab)
{
    public const int Context = 4096;
    public const double NormEpsilon = 1e-5;
    public const double RopeTheta = 10_000;

    public static ModelShape Small { get; } = new("small", 768, 12, 12, 4, 3072, 32000);

    /// <summary>TinyLlama's shape.</summary>
    public static ModelShape Medium { get; } = new("medium", 2048, 22, 32, 4, 5632, 32000);

    public static IReadOnlyList<ModelShape> All { get; } = [Small, Medium];

    public int HeadDim => Hidden / Heads;

    /// <summary>Weights of the layers' matrices: what every prompt token is multiplied with.</summary>
    public long LayerWeights => (long)Layers * Hidden * (2L * Heads * HeadDim + 2L * KvHeads * HeadDim + 3L * Ffn);

    /// <summary>Weights that a decode step reads: the layers' and the output matrix; of the embedding table it reads rows only.</summary>
    public long StepWeights => LayerWeights + (long)Vocab * Hidden;

    /// <summary>Keys and values of one cached token, in elements.</summary>
    public long KvElements => 2L * Layers * KvHeads * HeadDim;

    public static ModelShape Named(string name) => All.FirstOrDefault(shape => shape.Name == name)
        ?? throw new ArgumentException($"no model '{name}'; there are {string.Join(", ", All.Select(shape => shape.Name))}", nameof(name));
}
