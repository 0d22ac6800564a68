using KServePaged.Engine.Kernels;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Layers;

/// <summary>y = W x + b.</summary>
internal sealed class Linear(LinearWeight weight)
{
    private readonly nint _bias = weight.Bias?.Address ?? 0;

    /// <summary>All tokens of the step, from the compute type.</summary>
    public void Forward(ForwardContext context, nint input, nint output) =>
        Forward(context, input, context.ComputeType, context.Tokens, output);

    /// <param name="context">The step's.</param>
    /// <param name="input">[rows, in] of <paramref name="inputType"/>.</param>
    /// <param name="inputType">Float32 or the compute type.</param>
    /// <param name="rows">Rows without gaps.</param>
    /// <param name="output">[rows, out] f32.</param>
    public void Forward(ForwardContext context, nint input, ElementType inputType, int rows, nint output) => context.Stream.Linear(
        weight.Matrix, input, inputType, weight.Matrix.InFeatures, rows, _bias, output, weight.Matrix.OutFeatures);
}
