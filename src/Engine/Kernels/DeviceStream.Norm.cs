namespace KServePaged.Engine.Kernels;

internal sealed unsafe partial class DeviceStream
{
    /// <summary>
    /// v = residual += x (or x alone where <paramref name="residual"/> is 0, or the residual alone where <paramref name="x"/> is 0);
    /// y = v * rsqrt(mean(v²) + epsilon) * weight.
    /// </summary>
    /// <param name="x">[tokens, hidden] f32; 0 only beside a residual.</param>
    /// <param name="residual">[tokens, hidden] f32, updated; or 0.</param>
    /// <param name="weight">[hidden] f32.</param>
    /// <param name="y">[tokens, hidden] of <paramref name="yType"/>; may be x when Float32.</param>
    /// <param name="yType">Float32 or BFloat16.</param>
    /// <param name="tokens">Rows; 0 is fine.</param>
    /// <param name="hidden">Elements of a row, at least 1.</param>
    /// <param name="epsilon">At least 0.</param>
    public void RmsNorm(nint x, nint residual, nint weight, nint y, ElementType yType, long tokens, long hidden, float epsilon) =>
        Functions.Check(Functions.kp_rms_norm(Handle, x, residual, weight, y, (int)yType, tokens, hidden, epsilon), nameof(RmsNorm));

    /// <summary>
    /// v as in <see cref="RmsNorm"/>; y = (v - mean) * rsqrt(variance + epsilon) * weight + bias, the variance divided by hidden.
    /// </summary>
    /// <param name="x">[tokens, hidden] f32; 0 only beside a residual.</param>
    /// <param name="residual">[tokens, hidden] f32, updated; or 0.</param>
    /// <param name="weight">[hidden] f32.</param>
    /// <param name="bias">[hidden] f32, or 0.</param>
    /// <param name="y">[tokens, hidden] of <paramref name="yType"/>; may be x when Float32.</param>
    /// <param name="yType">Float32 or BFloat16.</param>
    /// <param name="tokens">Rows; 0 is fine.</param>
    /// <param name="hidden">Elements of a row, at least 1.</param>
    /// <param name="epsilon">At least 0.</param>
    public void LayerNorm(
        nint x, nint residual, nint weight, nint bias, nint y, ElementType yType, long tokens, long hidden, float epsilon) =>
        Functions.Check(
            Functions.kp_layer_norm(Handle, x, residual, weight, bias, y, (int)yType, tokens, hidden, epsilon), nameof(LayerNorm));
}
