using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace KServePaged.Deployment.Tests.Schemas;

/// <summary>The keywords of a schema that limit one value: numbers, lengths, patterns and lists of allowed values.</summary>
internal static class Limits
{
    /// <returns>Whether the keyword is one of these.</returns>
    public static bool TryCheck(string keyword, JsonNode argument, JsonNode value, string path, List<string> errors)
    {
        bool? holds = keyword switch
        {
            "enum" => ((JsonArray)argument).Any(allowed => JsonNode.DeepEquals(allowed, value)),
            "const" => JsonNode.DeepEquals(argument, value),
            "pattern" => !StructuralSchema.IsOfType(value, "string") || Regex.IsMatch(value.GetValue<string>(), argument.GetValue<string>()),
            "minLength" => TextLength(value) is not { } length || length >= Number(argument),
            "maxLength" => TextLength(value) is not { } length || length <= Number(argument),
            "minimum" => !StructuralSchema.IsOfType(value, "number") || Number(value) >= Number(argument),
            "maximum" => !StructuralSchema.IsOfType(value, "number") || Number(value) <= Number(argument),
            "minItems" => value is not JsonArray items || items.Count >= Number(argument),
            "maxItems" => value is not JsonArray items || items.Count <= Number(argument),
            "minProperties" => value is not JsonObject fields || fields.Count >= Number(argument),
            "maxProperties" => value is not JsonObject fields || fields.Count <= Number(argument),
            _ => null,
        };
        if (holds == false)
        {
            errors.Add($"{path}: {value.ToJsonString()} breaks {keyword} {argument.ToJsonString()}");
        }
        return holds is not null;
    }

    private static int? TextLength(JsonNode value) => StructuralSchema.IsOfType(value, "string") ? value.GetValue<string>().Length : null;

    private static decimal Number(JsonNode node) => decimal.Parse(node.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture);
}
