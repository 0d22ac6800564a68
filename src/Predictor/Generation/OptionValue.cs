using System.Globalization;
using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Generation;

/// <summary>
/// One option with its name, however it came: JSON field, request parameter or input tensor. Numbers and booleans may be spelled as
/// strings, since parameters of KServe's gRPC client cannot hold fractions and Triton's examples quote all of them.
/// </summary>
internal readonly record struct OptionValue(string Name, JsonElement Value)
{
    public double Number()
    {
        double number = 0;
        bool valid = Value.ValueKind switch
        {
            JsonValueKind.Number => Value.TryGetDouble(out number),
            JsonValueKind.String => double.TryParse(JsonFields.StringOf(Value, Name), NumberStyles.Float, CultureInfo.InvariantCulture, out number),
            _ => false,
        };
        return valid && double.IsFinite(number) ? number : throw Invalid("a number");
    }

    public long Integer()
    {
        long number = 0;
        bool valid = Value.ValueKind switch
        {
            JsonValueKind.Number => Value.TryGetInt64(out number) || TryWhole(Value, out number),
            JsonValueKind.String => long.TryParse(JsonFields.StringOf(Value, Name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number),
            _ => false,
        };
        return valid ? number : throw Invalid("a whole number");
    }

    public int Int32() => Integer() is var number and >= int.MinValue and <= int.MaxValue ? (int)number : throw Invalid("a 32-bit whole number");

    public bool Boolean() => Value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.String when bool.TryParse(JsonFields.StringOf(Value, Name), out bool parsed) => parsed,
        _ => throw Invalid("true or false"),
    };

    public string Text() => Value.ValueKind == JsonValueKind.String ? JsonFields.StringOf(Value, Name) : throw Invalid("a string");

    /// <summary>A list of strings; one string stands for a list of one.</summary>
    public IReadOnlyList<string> Texts()
    {
        OptionValue self = this;
        return Value.ValueKind == JsonValueKind.Array
            ? [.. Value.EnumerateArray().Select(item => new OptionValue(self.Name, item).Text())]
            : [Text()];
    }

    /// <summary>A list of ids; one number stands for a list of one.</summary>
    public IReadOnlyList<int> Ids()
    {
        OptionValue self = this;
        return Value.ValueKind == JsonValueKind.Array
            ? [.. Value.EnumerateArray().Select(item => new OptionValue(self.Name, item).Int32())]
            : [Int32()];
    }

    /// <summary>A JSON object or array; a string that holds one is parsed.</summary>
    public JsonElement Structure(JsonValueKind kind)
    {
        JsonElement value = Value.ValueKind == JsonValueKind.String ? JsonFields.ParseText(JsonFields.StringOf(Value, Name), Name) : Value;
        return value.ValueKind == kind ? value : throw Invalid(kind == JsonValueKind.Object ? "a JSON object" : "a JSON array");
    }

    public Dictionary<int, float> Bias()
    {
        var bias = new Dictionary<int, float>();
        foreach (JsonProperty entry in Structure(JsonValueKind.Object).EnumerateObject())
        {
            if (!int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id))
            {
                throw JsonFields.Invalid($"'{Name}': '{entry.Name}' is not a token id.", Name);
            }
            bias[id] = (float)new OptionValue(Name, entry.Value).Number();
        }
        return bias;
    }

    private static bool TryWhole(JsonElement value, out long number)
    {
        number = 0;
        if (!value.TryGetDouble(out double wide) || wide != Math.Floor(wide) || Math.Abs(wide) >= 1L << 53)
        {
            return false;
        }
        number = (long)wide;
        return true;
    }

    private RequestException Invalid(string wanted) => JsonFields.Invalid($"'{Name}' must be {wanted}.", Name);
}
