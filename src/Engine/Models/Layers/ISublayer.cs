namespace KServePaged.Engine.Models.Layers;

/// <summary>What a block puts between a norm and the addition to the residual: attention, a feed-forward network.</summary>
internal interface ISublayer
{
    /// <summary>Takes the context's <c>Normed</c>, adds its output to the residual, and leaves the next norm of that in <c>Normed</c>.</summary>
    /// <param name="context">The step's; the sublayer may use all of its scratch memory.</param>
    /// <param name="next">The norm before whatever comes next.</param>
    void Forward(ForwardContext context, INorm next);
}
