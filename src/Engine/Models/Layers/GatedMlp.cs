using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Models.Layers;

internal sealed class GatedMlp(Activation activation, Linear gateUp, Linear down, int width) : ISublayer
{
    public void Forward(ForwardContext context, INorm next)
    {
        context.Scratch.Reset();
        nint wide = context.Scratch.Take((long)context.Tokens * 2 * width * ElementType.Float32.Bytes());
        nint gated = context.Scratch.Take((long)context.Tokens * width * context.ComputeType.Bytes());
        gateUp.Gate(context, context.Normed, activation, wide, gated);
        down.AddAndNorm(context, gated, context.ComputeType, next);
    }
}
