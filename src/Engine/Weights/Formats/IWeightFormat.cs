using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Weights.Formats;

/// <summary>How a checkpoint stores the matrices of its products: under which names, in which shapes, and how they become a packed matrix.</summary>
internal interface IWeightFormat
{
    /// <summary>What <c>quantization_config.quant_method</c> calls it; null = weights without a <c>quantization_config</c>.</summary>
    string? Method { get; }

    /// <summary>For messages.</summary>
    string Description { get; }

    /// <summary>The tensors of one part's matrix; its bias is the loader's business.</summary>
    IEnumerable<TensorNeed> Needs(LinearPart part, int inFeatures);

    /// <summary>Makes a matrix with <see cref="WeightLoader.CreateLinear"/>, and packs all parts into it in a <see cref="WeightLoader.Fill"/>.</summary>
    PackedLinear Load(LinearSpec spec, WeightLoader loader);
}
