using System.Globalization;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>Parameters of a load that names a route: <c>candidate</c>, <c>percent</c>, <c>promote</c>.</summary>
internal static class VariantParameters
{
    /// <exception cref="Engine.Contracts.RequestException">Another parameter, a value it cannot have, or none at all.</exception>
    public static VariantChange Read(string route, IReadOnlyDictionary<string, string> parameters)
    {
        if (parameters.Keys.FirstOrDefault(name => name is not ("candidate" or "percent" or "promote")) is { } unknown)
        {
            throw JsonFields.Invalid($"failed to load '{route}': parameter '{unknown}' is none of candidate, percent, promote.", unknown);
        }
        if (parameters.Count == 0)
        {
            throw JsonFields.Invalid($"failed to load '{route}': it stands for variants; give candidate, percent or promote, or load a variant by its own name.", "parameters");
        }
        int? percent = null;
        if (parameters.TryGetValue("percent", out string? share))
        {
            percent = int.TryParse(share, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value <= 100
                ? value
                : throw JsonFields.Invalid($"failed to load '{route}': 'percent' must be a whole number from 0 to 100, not '{share}'.", "percent");
        }
        bool promote = parameters.TryGetValue("promote", out string? answer) && (answer.ToLowerInvariant() switch
        {
            "true" => true,
            "false" => false,
            _ => throw JsonFields.Invalid($"failed to load '{route}': 'promote' must be true or false, not '{answer}'.", "promote"),
        });
        return new VariantChange(parameters.GetValueOrDefault("candidate"), percent, promote);
    }
}
