namespace KServePaged.Engine.Models.Layers;

/// <summary>A norm of the hidden state.</summary>
internal interface INorm
{
    /// <summary>Adds what is pending to the residual, and writes the norm of the residual.</summary>
    /// <param name="context">The step's.</param>
    /// <param name="output">[tokens, hidden] of the compute type.</param>
    void Forward(ForwardContext context, nint output);
}
