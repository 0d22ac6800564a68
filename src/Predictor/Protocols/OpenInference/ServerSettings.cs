using System.Text.Json;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>Settings that clients may read, and whose change they may ask for.</summary>
internal abstract class ServerSettings
{
    /// <summary>An object: names to strings, numbers, booleans or lists of strings.</summary>
    public abstract JsonElement Values { get; }

    /// <summary>All changes or none.</summary>
    /// <param name="changes">Names and the values asked for; null = the setting's default.</param>
    /// <exception cref="Engine.Contracts.RequestException">No such setting, or a value that it cannot have.</exception>
    public abstract void Apply(IReadOnlyList<(string Name, IReadOnlyList<string>? Wanted)> changes);

    /// <summary>A setting as texts, whatever its JSON type.</summary>
    public static IReadOnlyList<string> TextsOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => [.. value.EnumerateArray().SelectMany(TextsOf)],
        JsonValueKind.String => [JsonFields.StringOf(value, "setting")],
        _ => [value.GetRawText()],
    };

    /// <exception cref="Engine.Contracts.RequestException">No such setting, or another value than it has.</exception>
    protected void RequireUnchanged(string name, IReadOnlyList<string>? wanted, string advice)
    {
        if (!Values.TryGetProperty(name, out JsonElement value))
        {
            throw JsonFields.Invalid($"there is no setting '{name}'; there are {string.Join(", ", Values.EnumerateObject().Select(setting => setting.Name))}.", name);
        }
        if (wanted is not null && !wanted.SequenceEqual(TextsOf(value)))
        {
            throw JsonFields.Invalid($"'{name}' is '{string.Join(",", TextsOf(value))}' and cannot be changed: {advice}.", name);
        }
    }
}
