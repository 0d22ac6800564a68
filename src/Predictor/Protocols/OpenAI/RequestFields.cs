using System.Globalization;
using System.Text.Json;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary>
/// The fields of one JSON object, each taken at most once; what is left over at the end was not understood and is refused. A null
/// value is the same as none. Types are as lax as clients have come to rely on: "12", 2.0 and true pass as whole numbers.
/// </summary>
internal sealed class RequestFields
{
    private readonly Dictionary<string, JsonElement> _left = [];
    private readonly List<string> _asked = [];
    private readonly string _path;

    /// <param name="path">Prefix of names in messages: empty, or <c>stream_options.</c></param>
    public RequestFields(JsonElement body, string path = "")
    {
        _path = path;
        if (body.ValueKind != JsonValueKind.Object)
        {
            string name = path.TrimEnd('.');
            throw new RequestException(
                EngineErrorCode.InvalidArgument, $"{(name.Length == 0 ? "The request body" : name)} must be a JSON object.", name.Length == 0 ? null : name);
        }
        foreach (JsonProperty property in body.EnumerateObject())
        {
            _left[property.Name] = property.Value; // the last of equal names counts
        }
    }

    /// <summary>Every name that was asked for, present or not.</summary>
    public IReadOnlyList<string> Asked => _asked;

    public JsonElement? Take(string name)
    {
        _asked.Add(name);
        return _left.Remove(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    public string? Text(string name) => Take(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw Wrong(name, "a string", value);

    public bool? Boolean(string name) => Take(name) is not { } value ? null : ToBoolean(value) ?? throw Wrong(name, "true or false", value);

    public long? Long(string name) => Take(name) is not { } value ? null : ToLong(value) ?? throw Wrong(name, "a whole number", value);

    public int? Int(string name) => Long(name) is not { } value ? null
        : value is >= int.MinValue and <= int.MaxValue ? (int)value
        : throw Refusal(name, $"{_path}{name} {value} is out of range.");

    public double? Double(string name) => Take(name) is not { } value ? null : ToDouble(value) ?? throw Wrong(name, "a number", value);

    /// <summary>A list of token ids.</summary>
    public IReadOnlyList<int>? Ints(string name) => Take(name) is not { } value ? null : ToInts(name, value);

    /// <summary>An object's fields, to be taken one by one.</summary>
    public RequestFields? Object(string name) => Take(name) is { } value ? new RequestFields(value, $"{_path}{name}.") : null;

    /// <summary>An object or list that is passed on as it is.</summary>
    public JsonElement? Json(string name, JsonValueKind kind) => Take(name) is not { } value ? null
        : value.ValueKind == kind ? value
        : throw Wrong(name, kind == JsonValueKind.Object ? "an object" : "a list", value);

    public int[] ToInts(string name, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array)
        {
            throw Wrong(name, "a list of whole numbers", value);
        }
        int[] ids = new int[value.GetArrayLength()];
        int i = 0;
        foreach (JsonElement item in value.EnumerateArray())
        {
            ids[i] = ToLong(item) is { } id and >= int.MinValue and <= int.MaxValue ? (int)id : throw Wrong($"{name}[{i}]", "a whole number", item);
            i++;
        }
        return ids;
    }

    /// <exception cref="RequestException">Fields are left that nobody took.</exception>
    public void RefuseRest()
    {
        if (_left.Count == 0)
        {
            return;
        }
        string names = string.Join(", ", _left.Keys.Order(StringComparer.Ordinal).Take(8).Select(name => $"'{_path}{Shown(name)}'"));
        throw Refusal(_left.Keys.Order(StringComparer.Ordinal).First(), $"This server does not know the field{(_left.Count == 1 ? "" : "s")} {names}.");
    }

    public RequestException Wrong(string name, string expected, JsonElement value) =>
        Refusal(name, $"{_path}{name} must be {expected}, not {Shown(value.GetRawText())}.");

    public RequestException Refusal(string name, string message) => new(EngineErrorCode.InvalidArgument, message, _path + name);

    public RequestException Unsupported(string name, string message) => new(EngineErrorCode.Unsupported, message, _path + name);

    private static string Shown(string text) => text.Length <= 60 ? text : text[..57] + "...";

    private static bool? ToBoolean(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.String => value.GetString()!.ToLowerInvariant() switch // a string has a text
        {
            "true" or "yes" or "on" or "1" or "t" or "y" => true,
            "false" or "no" or "off" or "0" or "f" or "n" => false,
            _ => null,
        },
        JsonValueKind.Number => value.TryGetDouble(out double number) ? number switch { 1 => true, 0 => false, _ => null } : null,
        _ => null,
    };

    /// <summary>The whole number a value stands for, or null.</summary>
    public static long? ToLong(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Number when value.TryGetInt64(out long number):
                return number;
            case JsonValueKind.Number when value.TryGetDouble(out double number) && double.IsInteger(number) && Math.Abs(number) < 1L << 53:
                return (long)number; // 2.0; whole numbers beyond 64 bits are not among the exact ones
            case JsonValueKind.String when long.TryParse(value.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number):
                return number;
            case JsonValueKind.True:
                return 1;
            case JsonValueKind.False:
                return 0;
            default:
                return null;
        }
    }

    private static double? ToDouble(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number when value.TryGetDouble(out double number) && double.IsFinite(number) => number,
        JsonValueKind.String when double.TryParse(value.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            && double.IsFinite(number) => number,
        JsonValueKind.True => 1,
        JsonValueKind.False => 0,
        _ => null,
    };
}
