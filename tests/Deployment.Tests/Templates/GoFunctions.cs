using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace KServePaged.Deployment.Tests.Templates;

/// <summary>Functions of Go's templates themselves, as far as our files use them (and and or are part of <see cref="GoTemplate"/>).</summary>
internal static partial class GoFunctions
{
    public static Dictionary<string, Func<JsonNode?[], JsonNode?>> All { get; } = new()
    {
        ["not"] = a => !GoTemplate.IsTrue(a[0]),
        ["eq"] = a => a[1..].Any(other => JsonNode.DeepEquals(a[0], other)),
        ["ne"] = a => !JsonNode.DeepEquals(a[0], a[1]),
        ["gt"] = a => Number(a[0]) > Number(a[1]),
        ["index"] = a => a[1..].Aggregate(a[0], (at, key) => at switch
        {
            JsonObject map => map[key!.GetValue<string>()],
            JsonArray array => array[key!.GetValue<int>()],
            _ => throw new TemplateException("can't index"),
        }),
        ["printf"] = a =>
        {
            int next = 1;
            return Verb().Replace(a[0]!.GetValue<string>(), verb => verb.Value switch
            {
                "%s" or "%v" or "%d" => GoTemplate.Text(a[next++]),
                "%q" => a[next++]!.ToJsonString(),
                _ => "%",
            });
        },
    };

    private static decimal Number(JsonNode? value) => decimal.Parse(GoTemplate.Text(value), CultureInfo.InvariantCulture);

    [GeneratedRegex("%[svdq%]")]
    private static partial Regex Verb();
}
