using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Templates;

namespace KServePaged.Deployment.Tests.Charts;

/// <summary>What Helm adds to Go's template functions, as far as the chart uses it.</summary>
internal static class HelmFunctions
{
    public static Dictionary<string, Func<JsonNode?[], JsonNode?>> All { get; } = new(GoFunctions.All)
    {
        ["default"] = a => GoTemplate.IsTrue(a[1]) ? a[1] : a[0],
        ["quote"] = a => JsonSerializer.Serialize(GoTemplate.Text(a[0]), Relaxed),
        ["trim"] = a => a[0]!.GetValue<string>().Trim(),
        ["list"] = a => new JsonArray([.. a.Select(item => item?.DeepClone())]),
        ["kindIs"] = a => KindOf(a[1]) == a[0]!.GetValue<string>(),
        ["int64"] = a => JsonNode.Parse(a[0]!.ToString()),
        ["indent"] = a => Indent(a[0]!.GetValue<int>(), a[1]!.GetValue<string>()),
        ["nindent"] = a => "\n" + Indent(a[0]!.GetValue<int>(), a[1]!.GetValue<string>()),
        ["toYaml"] = a => Yaml(a[0]).TrimEnd('\n'),
    };

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static string KindOf(JsonNode? value) => value switch
    {
        null => "invalid",
        JsonObject => "map",
        JsonArray => "slice",
        _ => value.GetValueKind() switch { JsonValueKind.String => "string", JsonValueKind.Number => "float64", _ => "bool" },
    };

    private static string Indent(int blanks, string text) => new string(' ', blanks) + text.Replace("\n", "\n" + new string(' ', blanks), StringComparison.Ordinal);

    private static string Yaml(JsonNode? value)
    {
        var text = new StringBuilder();
        Write(value, 0, text);
        return text.ToString();
    }

    private static void Write(JsonNode? value, int depth, StringBuilder text)
    {
        string margin = new(' ', depth);
        switch (value)
        {
            case JsonObject { Count: > 0 } map:
                foreach ((string key, JsonNode? field) in map.OrderBy(field => field.Key, StringComparer.Ordinal))
                {
                    text.Append(margin).Append(JsonSerializer.Serialize(key, Relaxed)).Append(':');
                    Nested(field, depth, text);
                }
                break;
            case JsonArray { Count: > 0 } items:
                foreach (JsonNode? item in items)
                {
                    text.Append(margin).Append('-');
                    Nested(item, depth, text);
                }
                break;
            default:
                text.Append(margin).Append(value?.ToJsonString(Relaxed) ?? "null").Append('\n');
                break;
        }
    }

    private static void Nested(JsonNode? value, int depth, StringBuilder text)
    {
        if (value is JsonObject { Count: > 0 } or JsonArray { Count: > 0 })
        {
            text.Append('\n');
            Write(value, depth + 2, text);
        }
        else
        {
            text.Append(' ').Append(value?.ToJsonString(Relaxed) ?? "null").Append('\n');
        }
    }
}
