namespace KServePaged.Serving.Models;

/// <summary>Writes tensors row by row, encoding blocks of rows on all cores.</summary>
internal static class RowWriter
{
    private const long BlockBytes = 16 << 20;

    /// <param name="file">Where to.</param>
    /// <param name="rows">Of the tensor.</param>
    /// <param name="rowBytes">Encoded size of one.</param>
    /// <param name="encode">Writes row i into its bytes; called on several threads.</param>
    public static void Write(Stream file, int rows, int rowBytes, Action<int, Memory<byte>> encode)
    {
        int blockRows = (int)Math.Clamp(BlockBytes / rowBytes, 1, rows);
        byte[] block = new byte[(long)blockRows * rowBytes];
        for (int first = 0; first < rows; first += blockRows)
        {
            int count = Math.Min(blockRows, rows - first);
            Parallel.For(0, count, row => encode(first + row, block.AsMemory(row * rowBytes, rowBytes)));
            file.Write(block, 0, count * rowBytes);
        }
    }
}
