using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace KServePaged.Engine.Tests.Weights;

/// <summary>Writes small safetensors files, right or wrong ones.</summary>
internal sealed class SafetensorsWriter
{
    private readonly List<string> _entries = [];
    private readonly List<byte> _data = [];

    public SafetensorsWriter Add(string name, string type, long[] shape, ReadOnlySpan<byte> bytes)
    {
        long begin = _data.Count;
        _data.AddRange(bytes);
        _entries.Add($"\"{name}\":{{\"dtype\":\"{type}\",\"shape\":[{string.Join(',', shape)}],\"data_offsets\":[{begin},{_data.Count}]}}");
        return this;
    }

    public SafetensorsWriter Add(string name, long[] shape, ReadOnlySpan<float> values) => Add(name, "F32", shape, MemoryMarshal.AsBytes(values));

    /// <summary>The float tensor of this shape, zeros.</summary>
    public SafetensorsWriter AddZeros(string name, params long[] shape) =>
        Add(name, shape, new float[shape.Aggregate(1L, (product, dimension) => product * dimension)]);

    public byte[] ToBytes() => Compose($"{{\"__metadata__\":{{\"format\":\"pt\"}},{string.Join(',', _entries)}}}", _data.ToArray());

    /// <summary>Length, header and data as given.</summary>
    public static byte[] Compose(string header, ReadOnlySpan<byte> data)
    {
        byte[] text = Encoding.UTF8.GetBytes(header);
        byte[] file = new byte[8 + text.Length + data.Length];
        BinaryPrimitives.WriteInt64LittleEndian(file, text.Length);
        text.CopyTo(file, 8);
        data.CopyTo(file.AsSpan(8 + text.Length));
        return file;
    }
}
