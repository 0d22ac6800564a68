namespace KServePaged.Engine.Kernels;

internal sealed unsafe partial class DeviceStream
{
    /// <summary>y[r, o] = sum_i x[r, i] * linear[o, i] + bias[o], summed in f32 in an order that rows and threads do not change.</summary>
    /// <param name="linear">Every row loaded.</param>
    /// <param name="x">[rows, in] of <paramref name="xType"/>, apart from y.</param>
    /// <param name="xType">Float32; or BFloat16 for a linear whose format has that type (which rounds or quantizes Float32 inputs itself).</param>
    /// <param name="xStride">Elements between rows of x.</param>
    /// <param name="rows">0 is fine.</param>
    /// <param name="bias">[out] f32, or 0.</param>
    /// <param name="y">[rows, out] f32.</param>
    /// <param name="yStride">Elements between rows of y.</param>
    public void Linear(PackedLinear linear, nint x, ElementType xType, long xStride, long rows, nint bias, nint y, long yStride) =>
        Functions.Check(
            Functions.kp_linear_forward(Handle, linear.Handle, x, (int)xType, xStride, rows, bias, y, yStride), nameof(Linear));
}
