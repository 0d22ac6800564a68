namespace KServePaged.Serving.Models;

/// <summary>How a GGUF file stores its matrices: its numbers in the format, and how a row of bf16 values becomes bytes.</summary>
/// <param name="Name">In file names and on the command line.</param>
/// <param name="TensorType">ggml's number of the type.</param>
/// <param name="FileType">The value of <c>general.file_type</c>.</param>
/// <param name="BlockElements">Values that share a block; a row's length must be a multiple.</param>
/// <param name="BlockBytes">Size of a block.</param>
/// <param name="Encode">Bytes of a row from its bf16 bits.</param>
internal sealed record GgufType(string Name, uint TensorType, uint FileType, int BlockElements, int BlockBytes, GgufType.RowEncoder Encode)
{
    public delegate void RowEncoder(ReadOnlySpan<ushort> bits, Span<byte> bytes);

    /// <summary>For vectors, which GGUF files have in full precision.</summary>
    public static GgufType F32 { get; } = new("f32", 0, 0, 1, 4, BlockQuantization.ToF32);

    public static GgufType Bf16 { get; } = new("bf16", 30, 32, 1, 2, BlockQuantization.ToBf16);

    public static GgufType Q8 { get; } = new("q8_0", 8, 7, BlockQuantization.Block, 34, BlockQuantization.ToQ8);

    public static GgufType Q4 { get; } = new("q4_0", 2, 2, BlockQuantization.Block, 18, BlockQuantization.ToQ4);

    public static IReadOnlyList<GgufType> All { get; } = [F32, Bf16, Q8, Q4];

    public double BytesPerWeight => (double)BlockBytes / BlockElements;

    public int RowBytes(int columns) => columns % BlockElements == 0
        ? columns / BlockElements * BlockBytes
        : throw new ArgumentException($"{Name} has blocks of {BlockElements} values, which do not divide a row of {columns}", nameof(columns));
}
