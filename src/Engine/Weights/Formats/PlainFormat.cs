using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Weights.Formats;

/// <summary>Matrices as they are: <c>NAME.weight</c> [out, in] of float32, bfloat16 or float16.</summary>
internal sealed class PlainFormat : IWeightFormat
{
    public string? Method => null;

    public string Description => "plain float32, bfloat16 or float16 weights";

    public IEnumerable<TensorNeed> Needs(LinearPart part, int inFeatures) => [new(WeightName(part), part.OutFeatures, inFeatures)];

    public PackedLinear Load(LinearSpec spec, WeightLoader loader)
    {
        PackedLinear matrix = loader.CreateLinear(spec, Quantization.FormatOf(spec, loader.Storage));
        loader.Fill(() => LoadParts(matrix, spec, loader));
        return matrix;
    }

    private static void LoadParts(PackedLinear matrix, LinearSpec spec, WeightLoader loader)
    {
        int partStart = 0;
        foreach (LinearPart part in spec.Parts)
        {
            int start = partStart;
            loader.ForEachPiece(WeightName(part), part.OutFeatures, (firstRow, rows, type, piece) =>
                LoadPiece(matrix, WeightName(part), start, firstRow, rows, type, piece));
            partStart += part.OutFeatures;
        }
    }

    private static void LoadPiece(PackedLinear matrix, string name, int start, long firstRow, long rows, ElementType type, MappedRange piece)
    {
        try
        {
            matrix.Load(start + firstRow, rows, piece.Address, type, matrix.InFeatures);
        }
        catch (KernelException exception) when (exception.Status == KernelStatus.InvalidData)
        {
            WeightLoader.RequireFinite(name, firstRow, matrix.InFeatures, piece.Span, type);
            // Finite as stored, so the conversion is at fault.
            throw new InvalidDataException(
                $"{name} holds numbers in rows {firstRow} to {firstRow + rows - 1} that {matrix.Format.Type} cannot; choose another dtype.", exception);
        }
    }

    private static string WeightName(LinearPart part) => $"{part.Name}.weight";
}
