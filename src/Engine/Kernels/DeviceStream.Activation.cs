namespace KServePaged.Engine.Kernels;

internal sealed unsafe partial class DeviceStream
{
    /// <summary>y[t, i] = activation(x[t, i]) * x[t, width + i].</summary>
    /// <param name="activation">Within 2e-7 relative of the exact function; silu within 4e-7, or within 3e-37 of it where it vanishes.</param>
    /// <param name="x">[tokens, 2 * width] f32: gate, then up.</param>
    /// <param name="y">[tokens, width] of <paramref name="yType"/>.</param>
    /// <param name="yType">Float32 or BFloat16.</param>
    /// <param name="tokens">Rows; 0 is fine.</param>
    /// <param name="width">Elements of a row of y.</param>
    public void GatedActivation(Activation activation, nint x, nint y, ElementType yType, long tokens, long width) => Functions.Check(
        Functions.kp_gated_activation(Handle, (int)activation, x, y, (int)yType, tokens, width), nameof(GatedActivation));
}
