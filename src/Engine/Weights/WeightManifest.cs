using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Weights;

/// <summary>Every weight of a model, so that a checkpoint can be checked and sized before a byte of it is read.</summary>
internal sealed record WeightManifest
{
    public required IReadOnlyList<LinearSpec> Linears { get; init; }

    public required IReadOnlyList<VectorSpec> Vectors { get; init; }

    public required IReadOnlyList<TableSpec> Tables { get; init; }

    /// <summary>Tensors that may be there and hold another's bytes again: copy → original.</summary>
    public required IReadOnlyDictionary<string, string> Copies { get; init; }

    /// <summary>Endings of names that old checkpoints carry although they follow from the configuration.</summary>
    public required IReadOnlyList<string> DerivedSuffixes { get; init; }

    /// <summary>What the weights take on a device: matrices of <paramref name="format"/> as it packs them, tables of the format's type.</summary>
    public long Bytes(Device device, LinearFormat format) =>
        Linears.Sum(linear => device.PackedLinearBytes(linear.OutFeatures, linear.InFeatures, Quantization.FormatOf(linear, format))) +
        format.Type.Bytes() * Tables.Sum(table => (long)table.Rows * table.Columns) +
        ElementType.Float32.Bytes() *
            (Vectors.Sum(vector => (long)vector.Length) + Linears.Where(linear => linear.HasBias).Sum(linear => (long)linear.OutFeatures));

    /// <summary>What products take beside the weights, for inputs.</summary>
    public long ScratchBytes(Device device, LinearFormat format) =>
        Linears.Max(linear => device.LinearScratchBytes(linear.OutFeatures, linear.InFeatures, Quantization.FormatOf(linear, format)));
}
