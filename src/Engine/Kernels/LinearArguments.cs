using System.Runtime.InteropServices;

namespace KServePaged.Engine.Kernels;

/// <summary>kp_linear_args of include/kp/linear.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal record struct LinearArguments
{
    /// <summary>Set by <see cref="DeviceStream.Linear"/>.</summary>
    public nint Linear;

    /// <summary>[rows, in] of <see cref="XType"/> with row stride <see cref="XStride"/>, apart from everything written.</summary>
    public nint X;
    public long XStride;

    /// <summary>0 is fine.</summary>
    public long Rows;

    /// <summary>[out] f32, or 0.</summary>
    public nint Bias;

    /// <summary>[rows, out], or [rows, out / 2] of <see cref="Epilogue.Gate"/>.</summary>
    public nint Y;

    /// <summary>Elements between rows of y; with an epilogue they have no gaps.</summary>
    public long YStride;

    /// <summary>Float32; or BFloat16 for a linear whose format has that type (which rounds or quantizes Float32 inputs itself).</summary>
    public ElementType XType;

    /// <summary>Float32; with an epilogue also BFloat16.</summary>
    public ElementType YType;
    public Epilogue Epilogue;

    /// <summary>Of <see cref="Epilogue.Gate"/>.</summary>
    public Activation Activation;

    /// <summary>[rows, out] f32 to work in; 0 with <see cref="Epilogue.Store"/>.</summary>
    public nint Product;

    /// <summary>[rows, out] f32 without gaps, updated; of the additions, as is what follows.</summary>
    public nint Residual;

    /// <summary>[out] f32.</summary>
    public nint NormWeight;

    /// <summary>[out] f32 of <see cref="Epilogue.AddLayerNorm"/>, or 0.</summary>
    public nint NormBias;

    /// <summary>At least 0.</summary>
    public float Eps;
}
