namespace KServePaged.Engine.Weights;

/// <summary>A tensor of a checkpoint: where its bytes are. Its place inside the file has been checked.</summary>
/// <param name="Name">The checkpoint's name for it.</param>
/// <param name="Type">Element type as stored.</param>
/// <param name="Shape">Row-major.</param>
/// <param name="File">The file that holds it.</param>
/// <param name="OffsetBytes">From the start of the file.</param>
/// <param name="Bytes">All of it.</param>
internal sealed record StoredTensor(
    string Name, StoredType Type, IReadOnlyList<long> Shape, SafetensorsFile File, long OffsetBytes, long Bytes)
{
    public long ElementCount => Shape.Aggregate(1L, (product, dimension) => product * dimension); // checked when it was read

    /// <summary>Maps bytes [firstByte, firstByte + count) of the tensor.</summary>
    public MappedRange Map(long firstByte, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstByte);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Bytes - firstByte);
        return File.Map(OffsetBytes + firstByte, count);
    }

    public string ShapeText => $"[{string.Join(", ", Shape)}]";
}
