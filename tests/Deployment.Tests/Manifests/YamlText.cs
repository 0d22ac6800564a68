using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace KServePaged.Deployment.Tests.Manifests;

/// <summary>
/// YAML as kubectl reads it: documents of JSON values. Refuses what readers of YAML disagree about (yes, on, octal numbers, a key given twice),
/// so that a manifest means the same everywhere.
/// </summary>
internal static partial class YamlText
{
    /// <summary>Every document of the text that is not empty.</summary>
    /// <exception cref="InvalidDataException">The text is no YAML, or means different things to different readers.</exception>
    public static List<JsonNode> Documents(string text)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException e)
        {
            throw new InvalidDataException($"line {e.Start.Line}: {e.Message}", e);
        }
        return [.. stream.Documents.Select(document => Convert(document.RootNode)).OfType<JsonNode>()];
    }

    /// <summary>The one document of the text.</summary>
    public static JsonObject Single(string text) => (JsonObject)Documents(text).Single();

    private static JsonNode? Convert(YamlNode node) => node switch
    {
        YamlMappingNode mapping => new JsonObject(mapping.Children.Select(pair => KeyValuePair.Create(KeyOf(pair.Key), Convert(pair.Value)))),
        YamlSequenceNode sequence => new JsonArray([.. sequence.Children.Select(Convert)]),
        YamlScalarNode scalar => Scalar(scalar),
        _ => throw new InvalidDataException($"line {node.Start.Line}: aliases are not used in manifests"),
    };

    private static string KeyOf(YamlNode key) => key is YamlScalarNode { Value: { } name }
        ? name
        : throw new InvalidDataException($"line {key.Start.Line}: a key is text");

    private static JsonValue? Scalar(YamlScalarNode scalar)
    {
        string text = scalar.Value ?? "";
        if (scalar.Style != ScalarStyle.Plain)
        {
            return JsonValue.Create(text);
        }
        return text switch
        {
            "" or "~" or "null" => null,
            "true" => JsonValue.Create(true),
            "false" => JsonValue.Create(false),
            _ when Ambiguous().IsMatch(text) => throw new InvalidDataException($"line {scalar.Start.Line}: '{text}' means different things to different readers: quote it"),
            _ when Integer().IsMatch(text) => JsonNode.Parse(text)!.AsValue(),
            _ when Real().IsMatch(text) => JsonValue.Create(double.Parse(text, CultureInfo.InvariantCulture)),
            _ => JsonValue.Create(text),
        };
    }

    [GeneratedRegex(@"^(y|n|yes|no|on|off|true|false|null)$|^[-+]?0[0-7_]+$|^0[xob]", RegexOptions.IgnoreCase)]
    private static partial Regex Ambiguous();

    [GeneratedRegex(@"^-?(0|[1-9][0-9]*)$")]
    private static partial Regex Integer();

    [GeneratedRegex(@"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")]
    private static partial Regex Real();
}
