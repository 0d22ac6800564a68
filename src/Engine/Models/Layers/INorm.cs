using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Models.Layers;

/// <summary>A norm of the residual.</summary>
internal interface INorm
{
    /// <summary>Writes the norm of the residual to the context's <c>Normed</c>.</summary>
    void Forward(ForwardContext context);

    /// <returns>The product with this norm as its epilogue, behind the addition to the residual.</returns>
    LinearArguments Behind(LinearArguments product);
}
