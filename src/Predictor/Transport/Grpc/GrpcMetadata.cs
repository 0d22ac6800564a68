using System.Text;
using KServePaged.Predictor.Errors;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>Metadata of a call. Names are lower case; those that end in -bin hold bytes, base64 on the wire.</summary>
internal sealed class GrpcMetadata
{
    private const string BinarySuffix = "-bin";

    private readonly List<(string Name, string Value)> _entries = [];

    public IReadOnlyList<(string Name, string Value)> Entries => _entries;

    /// <summary>The caller's metadata; the protocol's own headers are among it.</summary>
    /// <exception cref="GrpcException">INTERNAL: a -bin entry is not base64.</exception>
    public static GrpcMetadata Of(IHeaderDictionary headers)
    {
        var metadata = new GrpcMetadata();
        foreach ((string name, Microsoft.Extensions.Primitives.StringValues values) in headers)
        {
            foreach (string? value in values)
            {
                metadata._entries.Add((name.ToLowerInvariant(), value ?? ""));
            }
            if (name.EndsWith(BinarySuffix, StringComparison.OrdinalIgnoreCase))
            {
                metadata.Bytes(name.ToLowerInvariant()); // whoever asks for it later need not expect a failure
            }
        }
        return metadata;
    }

    public void Add(string name, string value) => _entries.Add((Checked(name, binary: false), value));

    public void Add(string name, ReadOnlySpan<byte> value) => _entries.Add((Checked(name, binary: true), Convert.ToBase64String(value).TrimEnd('=')));

    public string? Text(string name) => _entries.FirstOrDefault(entry => entry.Name == name).Value;

    /// <summary>Every value of a -bin entry; one header may hold several, with or without padding.</summary>
    /// <exception cref="GrpcException">INTERNAL: not base64.</exception>
    public IReadOnlyList<byte[]> Bytes(string name) =>
        [.. _entries.Where(entry => entry.Name == name).SelectMany(entry => entry.Value.Split(',')).Select(part => Decode(name, part.Trim()))];

    public void WriteTo(IHeaderDictionary headers)
    {
        foreach ((string name, string value) in _entries)
        {
            headers.Append(name, value);
        }
    }

    /// <summary>grpc-message: percent-encoded UTF-8, so that any text passes through a header.</summary>
    public static string Escape(string message)
    {
        var text = new StringBuilder(message.Length);
        foreach (byte b in Encoding.UTF8.GetBytes(message))
        {
            if (b is >= 0x20 and <= 0x7e and not (byte)'%')
            {
                text.Append((char)b);
            }
            else
            {
                text.Append('%').Append(b.ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
            }
        }
        return text.ToString();
    }

    private static byte[] Decode(string name, string base64)
    {
        byte[] bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '='), bytes, out int length)
            ? bytes[..length]
            : throw new GrpcException(GrpcStatusCode.Internal, $"metadata '{name}' is not base64.");
    }

    private static string Checked(string name, bool binary) =>
        name.EndsWith(BinarySuffix, StringComparison.Ordinal) == binary && name.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-' or '_' or '.')
            ? name
            : throw new ArgumentException($"'{name}' cannot name {(binary ? "binary" : "text")} metadata.", nameof(name));
}
