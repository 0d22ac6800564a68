using System.Text.Json;

namespace KServePaged.Engine.Weights;

/// <summary>
/// Typed reads of one JSON object of a model's configuration. A fallback stands for a key that is missing; a key that is there must
/// hold what is asked for, or the read refuses and names file, key, value and need.
/// </summary>
internal sealed class ConfigFields
{
    /// <summary>Real files are a few KiB; the bound keeps a wrong path from being read into memory.</summary>
    private const long MaxFileBytes = 16L << 20;

    private readonly JsonElement _object;
    private readonly string _prefix;

    private ConfigFields(JsonElement element, string file, string prefix)
    {
        _object = element;
        File = file;
        _prefix = prefix;
    }

    /// <summary>Path of the file, for messages.</summary>
    public string File { get; }

    /// <exception cref="InvalidDataException">The file is missing, too large, or no JSON object.</exception>
    public static ConfigFields Load(string path)
    {
        var info = new FileInfo(path);
        if (!info.Exists)
        {
            throw new InvalidDataException($"{path} does not exist.");
        }
        if (info.Length > MaxFileBytes)
        {
            throw new InvalidDataException($"{path} has {info.Length} bytes; at most {MaxFileBytes} are read.");
        }
        return Parse(System.IO.File.ReadAllBytes(path), path);
    }

    /// <param name="utf8">The JSON text, with or without a byte-order mark.</param>
    /// <param name="file">Its name in messages.</param>
    /// <exception cref="InvalidDataException">No JSON object.</exception>
    public static ConfigFields Parse(ReadOnlyMemory<byte> utf8, string file)
    {
        ReadOnlySpan<byte> mark = [0xEF, 0xBB, 0xBF];
        try
        {
            using JsonDocument document = JsonDocument.Parse(utf8.Span.StartsWith(mark) ? utf8[mark.Length..] : utf8);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new InvalidDataException($"{file} holds no JSON object.");
            }
            CheckTexts(document.RootElement);
            return new ConfigFields(document.RootElement.Clone(), file, "");
        }
        // InvalidOperationException is how a text that is no valid Unicode is reported.
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"{file} is not valid JSON: {exception.Message}", exception);
        }
    }

    /// <summary>The key is there and is not null.</summary>
    public bool Has(string key) => Find(key) is { ValueKind: not JsonValueKind.Null };

    public int Int(string key, int fallback, int min, int max = int.MaxValue) =>
        Find(key) is { } value ? ReadInt(key, value, min, max) : fallback;

    /// <returns>Null where the file says null, as some families switch a feature off; <paramref name="fallback"/> for a missing key.</returns>
    public int? NullableInt(string key, int? fallback, int min, int max = int.MaxValue) => Find(key) switch
    {
        null => fallback,
        { ValueKind: JsonValueKind.Null } => null,
        { } value => ReadInt(key, value, min, max),
    };

    /// <summary>A finite number in [min, max]; null counts as missing.</summary>
    public double Number(string key, double fallback, double min, double max = double.MaxValue) =>
        NullableNumber(key, min, max) ?? fallback;

    /// <param name="key">The key.</param>
    /// <param name="min">Smallest value; <see cref="double.Epsilon"/> = anything above 0.</param>
    /// <param name="max">Largest value.</param>
    /// <returns>Null for a missing key and for null.</returns>
    public double? NullableNumber(string key, double min, double max = double.MaxValue)
    {
        if (!Has(key))
        {
            return null;
        }
        JsonElement value = Find(key).GetValueOrDefault();
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number >= min && number <= max
            ? number
            : throw Invalid(key, $"a number {Range(min, max)} is needed");
    }

    /// <summary>True or false; null counts as missing.</summary>
    public bool Flag(string key, bool fallback) => Find(key) switch
    {
        null or { ValueKind: JsonValueKind.Null } => fallback,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        _ => throw Invalid(key, "true or false is needed"),
    };

    /// <returns>Null for a missing key and for null.</returns>
    public string? Text(string key) => Find(key) switch
    {
        null or { ValueKind: JsonValueKind.Null } => null,
        { ValueKind: JsonValueKind.String } value => value.GetString(),
        _ => throw Invalid(key, "a text is needed"),
    };

    /// <returns>Null for a missing key and for null.</returns>
    public IReadOnlyList<string>? Texts(string key)
    {
        if (!Has(key))
        {
            return null;
        }
        JsonElement list = Find(key).GetValueOrDefault();
        return list.ValueKind == JsonValueKind.Array && list.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)
            ? [.. list.EnumerateArray().Select(item => item.GetString()!)] // a JSON string is never null
            : throw Invalid(key, "a list of texts is needed");
    }

    /// <summary>Token ids given as one number or as a list.</summary>
    /// <returns>Empty for a missing key and for null.</returns>
    public IReadOnlyList<int> Ids(string key)
    {
        if (!Has(key))
        {
            return [];
        }
        JsonElement value = Find(key).GetValueOrDefault();
        return value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(item => ReadInt(key, item, 0, int.MaxValue))]
            : [ReadInt(key, value, 0, int.MaxValue)];
    }

    /// <returns>Null for a missing key and for null.</returns>
    public ConfigFields? Object(string key)
    {
        if (!Has(key))
        {
            return null;
        }
        JsonElement value = Find(key).GetValueOrDefault();
        return value.ValueKind == JsonValueKind.Object
            ? new ConfigFields(value, File, $"{_prefix}{key}.")
            : throw Invalid(key, "an object is needed");
    }

    /// <summary>The refusal of a key's value; <paramref name="need"/> continues the sentence.</summary>
    public InvalidDataException Invalid(string key, string need)
    {
        string value = Find(key) is { } found ? Excerpt.Of(found.GetRawText()) : "missing";
        return new InvalidDataException($"{File}: \"{_prefix}{key}\" is {value}; {need}.");
    }

    private static string Range(double min, double max) =>
        (min == double.Epsilon ? "above 0" : $"from {min}") + (max == double.MaxValue ? "" : $" to {max}");

    /// <summary>Decodes every text once, so that no later read of one can fail.</summary>
    private static void CheckTexts(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    _ = property.Name;
                    CheckTexts(property.Value);
                }
                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in element.EnumerateArray())
                {
                    CheckTexts(item);
                }
                break;
            case JsonValueKind.String:
                _ = element.GetString();
                break;
        }
    }

    private JsonElement? Find(string key) => _object.TryGetProperty(key, out JsonElement value) ? value : null;

    private int ReadInt(string key, JsonElement value, int min, int max) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= min && number <= max
            ? number
            : throw Invalid(key, $"a whole number from {min} to {max} is needed");
}
