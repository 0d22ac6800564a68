namespace KServePaged.Engine.Models.Layers;

internal sealed class PreNormBlock(INorm attentionNorm, ISublayer attention, INorm feedForwardNorm, ISublayer feedForward) : IBlock
{
    public void Forward(ForwardContext context)
    {
        attentionNorm.Forward(context, context.Normed);
        attention.Forward(context, context.Normed, context.Delta);
        context.SetPending(context.Delta);
        feedForwardNorm.Forward(context, context.Normed);
        feedForward.Forward(context, context.Normed, context.Delta);
        context.SetPending(context.Delta);
    }
}
