using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Models.Layers;

internal sealed class RmsNorm(DeviceBuffer weight, float epsilon) : INorm
{
    public void Forward(ForwardContext context) => context.Stream.RmsNorm(
        x: 0, context.Residual, weight.Address, context.Normed, context.ComputeType, context.Tokens, context.HiddenSize, epsilon);

    public LinearArguments Behind(LinearArguments product) => product with
    {
        Epilogue = Epilogue.AddRmsNorm,
        NormWeight = weight.Address,
        Eps = epsilon,
    };
}
