using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;

namespace KServePaged.Engine.Weights;

/// <summary>
/// One safetensors file: 8 bytes header length, a JSON header, the data. Nothing the header says is believed: every tensor has a known
/// type, a size that matches its shape, and its own bytes inside the file, without gaps or overlaps. Read-only; the data is mapped when asked for.
/// </summary>
internal sealed class SafetensorsFile : IDisposable
{
    /// <summary>The format's own bound on a header.</summary>
    private const long MaxHeaderBytes = 100_000_000;

    private const int LengthBytes = 8;

    private readonly MemoryMappedFile _map;

    private SafetensorsFile(string path, MemoryMappedFile map, List<StoredTensor> tensors)
    {
        Path = path;
        _map = map;
        Tensors = tensors;
    }

    public string Path { get; }

    public IReadOnlyList<StoredTensor> Tensors { get; private set; }

    /// <exception cref="InvalidDataException">The file is missing, truncated or lies; the message names file and tensor.</exception>
    public static SafetensorsFile Open(string path)
    {
        if (!File.Exists(path))
        {
            throw new InvalidDataException($"{path} does not exist.");
        }
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
        long fileBytes = stream.Length;
        byte[] header = ReadHeader(stream, path, fileBytes);
        long dataStart = LengthBytes + header.Length;
        var entries = new SafetensorsHeader(path, fileBytes - dataStart).Parse(header);

        var map = MemoryMappedFile.CreateFromFile(
            stream, mapName: null, capacity: 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        var file = new SafetensorsFile(path, map, []);
        file.Tensors = [.. entries.Select(e => new StoredTensor(e.Name, e.Type, e.Shape, file, dataStart + e.Begin, e.End - e.Begin))];
        return file;
    }

    /// <summary>Maps bytes of the file; the caller has checked that they lie inside it.</summary>
    public MappedRange Map(long offset, long bytes) => new(_map, offset, bytes);

    public void Dispose() => _map.Dispose();

    private static byte[] ReadHeader(FileStream stream, string path, long fileBytes)
    {
        if (fileBytes < LengthBytes)
        {
            throw new InvalidDataException($"{path} is truncated: it has {fileBytes} bytes, and a safetensors file starts with 8 bytes of length.");
        }
        Span<byte> length = stackalloc byte[LengthBytes];
        stream.ReadExactly(length);
        ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(length);
        if (headerBytes > MaxHeaderBytes)
        {
            throw new InvalidDataException($"{path} is no safetensors file: its header would have {headerBytes} bytes; at most {MaxHeaderBytes} are allowed.");
        }
        if (headerBytes > (ulong)(fileBytes - LengthBytes))
        {
            throw new InvalidDataException($"{path} is truncated: its header has {headerBytes} bytes, the file {fileBytes}.");
        }
        byte[] header = new byte[headerBytes];
        stream.ReadExactly(header);
        return header;
    }
}
