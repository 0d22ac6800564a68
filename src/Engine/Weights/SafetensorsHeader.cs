using System.Text.Json;

namespace KServePaged.Engine.Weights;

/// <summary>Reads the JSON header of a safetensors file and checks what it claims.</summary>
/// <param name="path">The file, for messages.</param>
/// <param name="dataBytes">Bytes after the header.</param>
internal sealed class SafetensorsHeader(string path, long dataBytes)
{
    /// <summary>Deeper than the format itself goes, and more dimensions than any weight has.</summary>
    private const int MaxDepth = 8;

    private const int MaxDimensions = 16;

    internal sealed record Entry(string Name, StoredType Type, IReadOnlyList<long> Shape, long Begin, long End);

    /// <returns>The tensors in the order of their bytes, which they cover without a gap.</returns>
    /// <exception cref="InvalidDataException">Anything is not as the format says.</exception>
    public List<Entry> Parse(ReadOnlySpan<byte> header)
    {
        List<Entry> entries;
        try
        {
            var reader = new Utf8JsonReader(header, new JsonReaderOptions { MaxDepth = MaxDepth });
            entries = ReadTensors(ref reader);
            while (reader.Read())
            {
                // nothing but the padding may follow; anything else throws
            }
        }
        // InvalidOperationException is how the reader reports a name that is no valid Unicode.
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"{path}: the header is not valid JSON: {exception.Message}", exception);
        }
        CheckCoverage(entries);
        return entries;
    }

    private List<Entry> ReadTensors(ref Utf8JsonReader reader)
    {
        var entries = new List<Entry>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        Expect(ref reader, JsonTokenType.StartObject, "the header");
        while (ReadName(ref reader) is { } name)
        {
            if (!names.Add(name))
            {
                throw Invalid(name, "appears twice");
            }
            if (name == "__metadata__")
            {
                reader.Read();
                reader.Skip();
                continue;
            }
            entries.Add(ReadTensor(ref reader, name));
        }
        return entries;
    }

    private Entry ReadTensor(ref Utf8JsonReader reader, string name)
    {
        string? typeName = null;
        long[]? shape = null;
        long[]? offsets = null;
        Expect(ref reader, JsonTokenType.StartObject, name);
        while (ReadName(ref reader) is { } field)
        {
            bool repeated = field switch
            {
                "dtype" => typeName is not null,
                "shape" => shape is not null,
                "data_offsets" => offsets is not null,
                _ => throw Invalid(name, $"has an unknown field \"{Excerpt.Of(field)}\""),
            };
            if (repeated)
            {
                throw Invalid(name, $"has two fields \"{field}\"");
            }
            if (field == "dtype")
            {
                Expect(ref reader, JsonTokenType.String, name);
                typeName = reader.GetString();
            }
            else if (field == "shape")
            {
                shape = ReadNumbers(ref reader, name);
            }
            else
            {
                offsets = ReadNumbers(ref reader, name);
            }
        }
        return Check(name, typeName, shape, offsets);
    }

    private Entry Check(string name, string? typeName, long[]? shape, long[]? offsets)
    {
        if (typeName is null || shape is null || offsets is null)
        {
            throw Invalid(name, "needs dtype, shape and data_offsets");
        }
        if (!StoredTypeExtensions.TryParse(typeName, out StoredType type, out int bits))
        {
            throw Invalid(name, $"has the unknown dtype \"{Excerpt.Of(typeName)}\"");
        }
        if (offsets is not [long begin, long end] || begin > end || end > dataBytes)
        {
            throw Invalid(name, $"has data_offsets [{string.Join(", ", offsets)}], which are no range of the file's {dataBytes} data bytes");
        }
        UInt128 size = (UInt128)bits;
        foreach (long dimension in shape)
        {
            size *= (UInt128)dimension;
            if (size > (UInt128)long.MaxValue)
            {
                throw Invalid(name, $"has the shape [{string.Join(", ", shape)}], which is too large");
            }
        }
        if (size % 8 != 0 || size / 8 != (UInt128)(end - begin))
        {
            throw Invalid(name, $"has {end - begin} bytes; {typeName} of shape [{string.Join(", ", shape)}] needs {(double)size / 8}");
        }
        return new Entry(name, type, shape, begin, end);
    }

    private void CheckCoverage(List<Entry> entries)
    {
        entries.Sort((a, b) => (a.Begin, a.End).CompareTo((b.Begin, b.End)));
        long at = 0;
        foreach (Entry entry in entries)
        {
            if (entry.Begin != at)
            {
                throw Invalid(entry.Name, $"starts at data byte {entry.Begin}, but the tensor before it ends at {at}");
            }
            at = entry.End;
        }
        if (at != dataBytes)
        {
            throw new InvalidDataException($"{path}: its tensors end at data byte {at}, but the file has {dataBytes}: it is truncated or damaged.");
        }
    }

    /// <returns>Null at the end of the object.</returns>
    private string? ReadName(ref Utf8JsonReader reader)
    {
        if (!reader.Read())
        {
            throw new InvalidDataException($"{path}: the header ends inside an object.");
        }
        return reader.TokenType == JsonTokenType.EndObject ? null : reader.GetString();
    }

    private long[] ReadNumbers(ref Utf8JsonReader reader, string name)
    {
        var numbers = new List<long>(4);
        Expect(ref reader, JsonTokenType.StartArray, name);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long number) || number < 0 || numbers.Count == MaxDimensions)
            {
                throw Invalid(name, $"has a shape or data_offsets that is no list of at most {MaxDimensions} whole numbers from 0 up");
            }
            numbers.Add(number);
        }
        return [.. numbers];
    }

    private void Expect(ref Utf8JsonReader reader, JsonTokenType type, string name)
    {
        if (!reader.Read() || reader.TokenType != type)
        {
            throw Invalid(name, $"is not described as the format says: {type} expected");
        }
    }

    private InvalidDataException Invalid(string name, string what) =>
        new($"{path}: tensor \"{Excerpt.Of(name)}\" {what}.");
}
