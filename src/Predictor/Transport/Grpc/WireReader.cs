using System.Text;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>
/// The fields of a protobuf message one after the other, for the few messages whose generated classes cost too much: one of those makes an object for each map
/// and list, filled or not. What is wrong is an <see cref="InvalidDataException"/>.
/// </summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private const int MaxDepth = 100; // of groups in an unknown field; as in Google's library

    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>Bytes read so far.</summary>
    public int Position { get; private set; }

    /// <summary>The next field's tag, its number times eight and its wire type; 0 at the end.</summary>
    public uint ReadTag()
    {
        if (Position == _bytes.Length)
        {
            return 0;
        }
        uint tag = (uint)ReadVarint();
        return tag >> 3 != 0 ? tag : throw new InvalidDataException("a field has the number 0.");
    }

    public ulong ReadVarint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            if (Position == _bytes.Length)
            {
                throw new InvalidDataException("it ends inside a number.");
            }
            byte next = _bytes[Position++];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
        throw new InvalidDataException("a number is longer than ten bytes.");
    }

    /// <summary>The content of a length-delimited field.</summary>
    public ReadOnlySpan<byte> ReadBytes()
    {
        uint length = (uint)ReadVarint();
        if (length > _bytes.Length - Position)
        {
            throw new InvalidDataException($"a field claims {length} bytes, {_bytes.Length - Position} are left.");
        }
        ReadOnlySpan<byte> content = _bytes.Slice(Position, (int)length);
        Position += (int)length;
        return content;
    }

    public string ReadString() => Encoding.UTF8.GetString(ReadBytes());

    /// <summary>Reads whole numbers, one or packed.</summary>
    public void ReadNumbers(List<long> numbers, bool packed)
    {
        if (!packed)
        {
            numbers.Add((long)ReadVarint());
            return;
        }
        ReadOnlySpan<byte> content = ReadBytes();
        var reader = new WireReader(content);
        while (reader.Position < content.Length)
        {
            numbers.Add((long)reader.ReadVarint());
        }
    }

    /// <summary>Passes over a field that nobody here knows.</summary>
    public void Skip(uint tag) => Skip(tag, 0);

    private void Skip(uint tag, int depth)
    {
        switch (tag & 7)
        {
            case 0:
                ReadVarint();
                break;
            case 1:
                Advance(sizeof(ulong));
                break;
            case 2:
                ReadBytes();
                break;
            case 3 when depth < MaxDepth:
                uint inner;
                while ((inner = ReadTag()) != tag + 1)
                {
                    if (inner == 0)
                    {
                        throw new InvalidDataException("it ends inside a group.");
                    }
                    Skip(inner, depth + 1);
                }
                break;
            case 5:
                Advance(sizeof(uint));
                break;
            default:
                throw new InvalidDataException($"field {tag >> 3} has no usable type.");
        }
    }

    private void Advance(int count)
    {
        if (count > _bytes.Length - Position)
        {
            throw new InvalidDataException("it ends inside a number.");
        }
        Position += count;
    }
}
