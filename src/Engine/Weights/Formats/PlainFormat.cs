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
        PackedLinear matrix = loader.Device.CreateLinear(spec.OutFeatures, spec.InFeatures, loader.Type);
        try
        {
            int partStart = 0;
            foreach (LinearPart part in spec.Parts)
            {
                int start = partStart;
                loader.ForEachPiece(WeightName(part), part.OutFeatures, (firstRow, rows, type, piece) =>
                    matrix.Load(start + firstRow, rows, piece.Address, type, spec.InFeatures));
                partStart += part.OutFeatures;
            }
            return matrix;
        }
        catch
        {
            matrix.Dispose();
            throw;
        }
    }

    private static string WeightName(LinearPart part) => $"{part.Name}.weight";
}
