using System.Text;
using KServePaged.Predictor.Errors;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>Metadata of a call. Names are lower case; those that end in -bin hold bytes, base64 on the wire.</summary>
internal sealed class GrpcMetadata
{
    private const string BinarySuffix = "-bin";

    private readonly IHeaderDictionary? _received;
    private List<(string Name, string Value)>? _entries;

    public GrpcMetadata()
    {
    }

    private GrpcMetadata(IHeaderDictionary received) => _received = received;

    public IReadOnlyList<(string Name, string Value)> Entries => List;

    // Most calls ask for one entry or none, so the caller's are copied when somebody wants them all.
    private List<(string Name, string Value)> List => _entries ??= _received is null ? [] :
        [.. _received.SelectMany(header => header.Value.Select(value => (header.Key.ToLowerInvariant(), value ?? "")))];

    /// <summary>The caller's metadata; the protocol's own headers are among it.</summary>
    /// <exception cref="GrpcException">INTERNAL: a -bin entry is not base64.</exception>
    public static GrpcMetadata Of(IHeaderDictionary headers)
    {
        var metadata = new GrpcMetadata(headers);
        foreach ((string name, _) in headers)
        {
            if (name.EndsWith(BinarySuffix, StringComparison.OrdinalIgnoreCase))
            {
                metadata.Bytes(name.ToLowerInvariant()); // whoever asks for it later need not expect a failure
            }
        }
        return metadata;
    }

    public void Add(string name, string value) => List.Add((Checked(name, binary: false), value));

    public void Add(string name, ReadOnlySpan<byte> value) => List.Add((Checked(name, binary: true), Convert.ToBase64String(value).TrimEnd('=')));

    /// <summary>The first value of an entry; null when there is none.</summary>
    public string? Text(string name) => _received is { } headers
        ? headers[name] is [var first, ..] ? first ?? "" : null
        : List.FirstOrDefault(entry => entry.Name == name).Value;

    /// <summary>Every value of a -bin entry; one header may hold several, with or without padding.</summary>
    /// <exception cref="GrpcException">INTERNAL: not base64.</exception>
    public IReadOnlyList<byte[]> Bytes(string name) =>
        [.. List.Where(entry => entry.Name == name).SelectMany(entry => entry.Value.Split(',')).Select(part => Decode(name, part.Trim()))];

    public void WriteTo(IHeaderDictionary headers)
    {
        foreach ((string name, string value) in _entries ?? [])
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
