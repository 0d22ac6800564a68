namespace KServePaged.Engine.Models.Layers;

/// <summary>One layer of a decoder.</summary>
internal interface IBlock
{
    /// <summary>Takes the hidden state from the context (residual and pending) and leaves the new one there.</summary>
    void Forward(ForwardContext context);
}
