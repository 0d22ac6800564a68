using System.Text;

namespace KServePaged.Bench.Tests.Serving.Models;

/// <summary>Reads a GGUF file back: metadata that is no array, and each tensor's type, sizes and bytes.</summary>
internal sealed class GgufReader : IDisposable
{
    private readonly BinaryReader _file;

    private GgufReader(Stream stream) => _file = new BinaryReader(stream, Encoding.UTF8);

    public Dictionary<string, object> Metadata { get; } = [];

    public Dictionary<string, (uint Type, ulong[] Sizes, byte[] Bytes)> Tensors { get; } = [];

    /// <param name="path">The file.</param>
    /// <param name="bytesOf">Size of a tensor from type and number of elements.</param>
    public static GgufReader Read(string path, Func<uint, long, long> bytesOf)
    {
        using var reader = new GgufReader(File.OpenRead(path));
        reader.ReadAll(bytesOf);
        Assert.Equal(0, reader._file.BaseStream.Length % 32);
        return reader;
    }

    public void Dispose() => _file.Dispose();

    private void ReadAll(Func<uint, long, long> bytesOf)
    {
        Assert.Equal("GGUF"u8, _file.ReadBytes(4));
        Assert.Equal(3u, _file.ReadUInt32());
        ulong tensors = _file.ReadUInt64();
        ulong entries = _file.ReadUInt64();
        for (ulong i = 0; i < entries; i++)
        {
            string key = ReadText();
            Metadata.Add(key, ReadValue(_file.ReadUInt32()));
        }
        var table = new List<(string Name, ulong[] Sizes, uint Type, ulong Offset)>();
        for (ulong i = 0; i < tensors; i++)
        {
            table.Add((ReadText(), [.. Enumerable.Range(0, (int)_file.ReadUInt32()).Select(_ => _file.ReadUInt64())], _file.ReadUInt32(), _file.ReadUInt64()));
        }
        long data = (_file.BaseStream.Position + 31) / 32 * 32;
        foreach ((string name, ulong[] sizes, uint type, ulong offset) in table)
        {
            Assert.Equal(0ul, offset % 32);
            _file.BaseStream.Position = data + (long)offset;
            long elements = sizes.Aggregate(1L, (product, size) => product * (long)size);
            Tensors.Add(name, (type, sizes, _file.ReadBytes((int)bytesOf(type, elements))));
        }
    }

    private object ReadValue(uint type) => type switch
    {
        4 => _file.ReadUInt32(),
        5 => _file.ReadInt32(),
        6 => _file.ReadSingle(),
        7 => _file.ReadBoolean(),
        8 => ReadText(),
        9 => ReadArray(_file.ReadUInt32(), _file.ReadUInt64()),
        _ => throw new InvalidDataException($"value of type {type}"),
    };

    private object[] ReadArray(uint type, ulong count) => [.. Enumerable.Range(0, (int)count).Select(_ => ReadValue(type))];

    private string ReadText() => Encoding.UTF8.GetString(_file.ReadBytes((int)_file.ReadUInt64()));
}
