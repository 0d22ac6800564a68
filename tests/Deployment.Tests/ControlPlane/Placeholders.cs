using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.Deployment.Tests.Templates;

namespace KServePaged.Deployment.Tests.ControlPlane;

/// <summary>
/// KServe's placeholders: the JSON of a whole container is a template of Go's html/template over the name, namespace, labels and annotations. What stands in the
/// container comes out as it is; what is put in is escaped as for HTML.
/// </summary>
internal static class Placeholders
{
    private static readonly JsonSerializerOptions AsGoWritesIt = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <exception cref="TemplateException">A brace that KServe cannot follow.</exception>
    public static JsonObject Expand(JsonObject container, JsonObject metadata)
    {
        string json = container.ToJsonString(AsGoWritesIt)
            .Replace("<", "\\u003c", StringComparison.Ordinal).Replace(">", "\\u003e", StringComparison.Ordinal).Replace("&", "\\u0026", StringComparison.Ordinal);
        var data = new JsonObject
        {
            ["Name"] = metadata.Name(),
            ["Namespace"] = metadata.Text("namespace") ?? "default",
            ["Labels"] = metadata.At("labels")?.DeepClone() ?? new JsonObject(),
            ["Annotations"] = metadata.At("annotations")?.DeepClone() ?? new JsonObject(),
        };
        var template = new GoTemplate(GoFunctions.All) { Escape = Html, IsStruct = map => map.ContainsKey("Labels") };
        return (JsonObject)JsonNode.Parse(template.Render(json, data))!;
    }

    private static string Html(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace(">", "&gt;", StringComparison.Ordinal).Replace("\"", "&#34;", StringComparison.Ordinal).Replace("'", "&#39;", StringComparison.Ordinal)
        .Replace("+", "&#43;", StringComparison.Ordinal);
}
