namespace KServePaged.Engine.Models.Layers;

/// <summary>One layer of a decoder.</summary>
internal interface IBlock
{
    /// <summary>What makes the context's <c>Normed</c> of the residual before <see cref="Forward"/>.</summary>
    INorm InputNorm { get; }

    /// <summary>Takes residual and <c>Normed</c> from the context, and leaves the new residual and the next norm of it there.</summary>
    /// <param name="context">The step's.</param>
    /// <param name="next">The norm before whatever comes next.</param>
    void Forward(ForwardContext context, INorm next);
}
