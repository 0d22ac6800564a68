namespace KServePaged.Engine.Models.Layers;

/// <summary>What a block puts between a norm and the addition to the residual: attention, a feed-forward network.</summary>
internal interface ISublayer
{
    /// <param name="context">The step's; the sublayer may use all of its scratch memory.</param>
    /// <param name="input">[tokens, hidden] of the compute type.</param>
    /// <param name="output">[tokens, hidden] f32.</param>
    void Forward(ForwardContext context, nint input, nint output);
}
