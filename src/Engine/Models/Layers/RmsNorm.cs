using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Models.Layers;

internal sealed class RmsNorm(DeviceBuffer weight, float epsilon) : INorm
{
    public void Forward(ForwardContext context, nint output) => context.Stream.RmsNorm(
        context.TakePending(), context.Residual, weight.Address, output, context.ComputeType, context.Tokens, context.HiddenSize, epsilon);
}
