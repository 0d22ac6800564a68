using System.Text;
using KServePaged.Engine.Contracts;

namespace KServePaged.Engine.Tokenization.Text;

/// <summary>A growing run of UTF-8 that is filled, read and cleared many times.</summary>
internal sealed class Utf8Buffer
{
    // A tokenizer may replace a character by a long text; a prompt must not become a machine's memory by it.
    private const int MaxLength = 1 << 28;

    private byte[] _bytes = [];

    public int Length { get; private set; }

    public int Capacity => _bytes.Length;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public void Clear() => Length = 0;

    public void Append(byte value)
    {
        Reserve(1)[0] = value;
        Length++;
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Reserve(bytes.Length));
        Length += bytes.Length;
    }

    public void Append(Rune rune) => Length += rune.EncodeToUtf8(Reserve(4));

    /// <summary>A lone surrogate becomes U+FFFD, as everywhere that UTF-16 leaves the process.</summary>
    public void Append(ReadOnlySpan<char> text) =>
        Length += Encoding.UTF8.GetBytes(text, Reserve(Encoding.UTF8.GetByteCount(text)));

    /// <exception cref="RequestException">The text becomes too long.</exception>
    private Span<byte> Reserve(int count)
    {
        long needed = (long)Length + count;
        if (needed > MaxLength)
        {
            throw new RequestException(EngineErrorCode.InvalidArgument, $"The text grows beyond {MaxLength} bytes while it is normalized.", "prompt");
        }
        if (needed > _bytes.Length)
        {
            Array.Resize(ref _bytes, (int)Math.Min(MaxLength, Math.Max(needed, Math.Max(256L, 2L * _bytes.Length))));
        }
        return _bytes.AsSpan(Length);
    }
}
