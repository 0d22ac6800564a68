namespace KServePaged.Engine.Models.Layers;

internal sealed class PreNormBlock(INorm attentionNorm, ISublayer attention, INorm feedForwardNorm, ISublayer feedForward) : IBlock
{
    public INorm InputNorm => attentionNorm;

    public void Forward(ForwardContext context, INorm next)
    {
        attention.Forward(context, feedForwardNorm);
        feedForward.Forward(context, next);
    }
}
