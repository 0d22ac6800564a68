namespace KServePaged.Engine.Kernels;

/// <summary>A weight matrix [out, in] in the library's own layout for matrix products (kp_linear of include/kp/linear.h).</summary>
internal sealed unsafe class PackedLinear(Device device, nint linear, long outFeatures, long inFeatures, LinearFormat format)
    : DeviceObject(device, linear)
{
    public long OutFeatures { get; } = outFeatures;

    public long InFeatures { get; } = inFeatures;

    public LinearFormat Format { get; } = format;

    /// <summary>Device memory that it holds.</summary>
    public long Bytes => Functions.kp_linear_bytes(Handle);

    /// <summary>
    /// Packs rows [firstRow, firstRow + rows) from host memory, converted or quantized to <see cref="Format"/>. Several calls fill one
    /// matrix; every row must be loaded before the first product. On a device with graphs several threads may load at the same time, each
    /// another matrix, while the thread that drives the device makes more of them and writes.
    /// </summary>
    /// <param name="firstRow">First output feature.</param>
    /// <param name="rows">Output features in the source.</param>
    /// <param name="source">[rows, in] of <paramref name="sourceType"/>, any alignment, borrowed for the call.</param>
    /// <param name="sourceType">Any of the three.</param>
    /// <param name="sourceStride">Elements between the starts of consecutive rows.</param>
    /// <exception cref="KernelException"><see cref="KernelStatus.InvalidData"/>: a number is not finite, or not in the format's type.</exception>
    public void Load(long firstRow, long rows, nint source, ElementType sourceType, long sourceStride) => Functions.Check(
        Functions.kp_linear_load(Handle, firstRow, rows, source, (int)sourceType, sourceStride), "PackedLinear.Load");

    /// <summary>The same from managed memory holding exactly the rows, without gaps.</summary>
    /// <exception cref="ArgumentException">The span is not rows × in elements long.</exception>
    public void Load(long firstRow, long rows, ReadOnlySpan<byte> source, ElementType sourceType)
    {
        long expected = checked(rows * InFeatures * sourceType.Bytes());
        if (source.Length != expected)
        {
            throw new ArgumentException($"{rows} rows of {InFeatures} {sourceType} are {expected} bytes, not {source.Length}", nameof(source));
        }
        fixed (byte* address = source)
        {
            Load(firstRow, rows, (nint)address, sourceType, InFeatures);
        }
    }

    private protected override void Release() => Functions.kp_linear_destroy(handle);
}
