using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Models.Layers;

internal sealed class GatedMlp(Activation activation, Linear gateUp, Linear down, int width) : ISublayer
{
    public void Forward(ForwardContext context, nint input, nint output)
    {
        context.Scratch.Reset();
        nint wide = context.Scratch.Take((long)context.Tokens * 2 * width * ElementType.Float32.Bytes());
        nint gated = context.Scratch.Take((long)context.Tokens * width * context.ComputeType.Bytes());
        gateUp.Forward(context, input, wide);
        context.Stream.GatedActivation(activation, wide, gated, context.ComputeType, context.Tokens, width);
        down.Forward(context, gated, output);
    }
}
