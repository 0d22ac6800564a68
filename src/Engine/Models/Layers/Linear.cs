using KServePaged.Engine.Kernels;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Layers;

/// <summary>W x + b, and what becomes of it in the same call.</summary>
internal sealed class Linear(LinearWeight weight)
{
    private readonly nint _bias = weight.Bias?.Address ?? 0;

    /// <summary>All tokens of the step.</summary>
    /// <param name="context">The step's.</param>
    /// <param name="input">[tokens, in] of the compute type.</param>
    /// <param name="output">[tokens, out] f32.</param>
    public void Forward(ForwardContext context, nint input, nint output) =>
        Forward(context, input, context.ComputeType, context.Tokens, output);

    /// <param name="context">The step's.</param>
    /// <param name="input">[rows, in] of <paramref name="inputType"/>.</param>
    /// <param name="inputType">Float32 or the compute type.</param>
    /// <param name="rows">Rows without gaps.</param>
    /// <param name="output">[rows, out] f32.</param>
    public void Forward(ForwardContext context, nint input, ElementType inputType, int rows, nint output) => context.Stream.Linear(
        weight.Matrix,
        Arguments(input, inputType, rows) with { Y = output, YStride = weight.Matrix.OutFeatures });

    /// <summary>Adds the product to the residual, of which <paramref name="next"/> makes the context's <c>Normed</c>.</summary>
    /// <param name="context">The step's.</param>
    /// <param name="input">[tokens, in] of <paramref name="inputType"/>.</param>
    /// <param name="inputType">Float32 or the compute type.</param>
    /// <param name="next">The norm before whatever comes next.</param>
    public void AddAndNorm(ForwardContext context, nint input, ElementType inputType, INorm next) => context.Stream.Linear(
        weight.Matrix,
        next.Behind(Arguments(input, inputType, context.Tokens)) with
        {
            Y = context.Normed,
            YStride = weight.Matrix.OutFeatures,
            YType = context.ComputeType,
            Product = context.Delta,
            Residual = context.Residual,
        });

    /// <summary>activation(gate) · up of a gated matrix.</summary>
    /// <param name="context">The step's.</param>
    /// <param name="input">[tokens, in] of the compute type.</param>
    /// <param name="activation">Of the gates.</param>
    /// <param name="product">[tokens, out] f32 to work in.</param>
    /// <param name="output">[tokens, out / 2] of the compute type.</param>
    public void Gate(ForwardContext context, nint input, Activation activation, nint product, nint output) => context.Stream.Linear(
        weight.Matrix,
        Arguments(input, context.ComputeType, context.Tokens) with
        {
            Y = output,
            YStride = weight.Matrix.OutFeatures / 2,
            YType = context.ComputeType,
            Epilogue = Epilogue.Gate,
            Activation = activation,
            Product = product,
        });

    private LinearArguments Arguments(nint input, ElementType inputType, int rows) => new()
    {
        X = input,
        XType = inputType,
        XStride = weight.Matrix.InFeatures,
        Rows = rows,
        Bias = _bias,
    };
}
