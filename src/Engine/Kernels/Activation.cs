namespace KServePaged.Engine.Kernels;

/// <summary>kp_activation of include/kp/activation.h.</summary>
internal enum Activation
{
    Silu = 0,

    /// <summary>With the error function.</summary>
    Gelu = 1,

    /// <summary>The approximation with tanh.</summary>
    GeluTanh = 2,
    Relu = 3,
}
