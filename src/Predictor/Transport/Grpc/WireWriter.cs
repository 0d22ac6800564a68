using System.Buffers;
using System.Numerics;
using System.Text;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>The counterpart of <see cref="WireReader"/>. Fields are written in the order of their numbers; empty ones are left out, as protobuf's third version does.</summary>
internal ref struct WireWriter(IBufferWriter<byte> output)
{
    private const int LongestVarint = 10;

    private Span<byte> _span;
    private int _written;

    public static int SizeOf(ulong varint) => (BitOperations.Log2(varint | 1) / 7) + 1;

    /// <summary>Of a length-delimited field with a number below 16.</summary>
    public static int SizeOf(int contentBytes) => 1 + SizeOf((ulong)contentBytes) + contentBytes;

    public static int SizeOf(string text) => text.Length == 0 ? 0 : SizeOf(Encoding.UTF8.GetByteCount(text));

    public static int SizeOfPacked(IReadOnlyList<long> numbers) => numbers.Count == 0 ? 0 : SizeOf(ContentOf(numbers));

    public void Write(int field, string text)
    {
        if (text.Length > 0)
        {
            int bytes = Encoding.UTF8.GetByteCount(text);
            BeginContent(field, bytes);
            Reserve(bytes);
            _written += Encoding.UTF8.GetBytes(text, _span[_written..]);
        }
    }

    public void WriteBytes(int field, ReadOnlySpan<byte> content)
    {
        BeginContent(field, content.Length);
        while (content.Length > 0)
        {
            Reserve(1);
            int part = Math.Min(content.Length, _span.Length - _written);
            content[..part].CopyTo(_span[_written..]);
            _written += part;
            content = content[part..];
        }
    }

    public void WritePacked(int field, IReadOnlyList<long> numbers)
    {
        if (numbers.Count > 0)
        {
            BeginContent(field, ContentOf(numbers));
            for (int i = 0; i < numbers.Count; i++)
            {
                WriteVarint((ulong)numbers[i]);
            }
        }
    }

    public void WriteBoolean(int field, bool value)
    {
        WriteVarint((ulong)field << 3);
        WriteVarint(value ? 1ul : 0);
    }

    /// <summary>The tag and length of a field whose content is written next.</summary>
    public void BeginContent(int field, int bytes)
    {
        WriteVarint(((ulong)field << 3) | 2);
        WriteVarint((ulong)bytes);
    }

    /// <summary>Hands over what is written: at the end, and before somebody else writes into the same output.</summary>
    public void Flush()
    {
        output.Advance(_written);
        _span = default;
        _written = 0;
    }

    private static int ContentOf(IReadOnlyList<long> numbers)
    {
        int bytes = 0;
        for (int i = 0; i < numbers.Count; i++)
        {
            bytes += SizeOf((ulong)numbers[i]);
        }
        return bytes;
    }

    private void WriteVarint(ulong value)
    {
        Reserve(LongestVarint);
        while (value >= 0x80)
        {
            _span[_written++] = (byte)(value | 0x80);
            value >>= 7;
        }
        _span[_written++] = (byte)value;
    }

    private void Reserve(int bytes)
    {
        if (_span.Length - _written < bytes)
        {
            output.Advance(_written);
            _span = output.GetSpan(bytes);
            _written = 0;
        }
    }
}
