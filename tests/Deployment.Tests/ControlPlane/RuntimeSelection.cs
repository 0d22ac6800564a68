using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Manifests;

namespace KServePaged.Deployment.Tests.ControlPlane;

/// <summary>Which runtime KServe takes for a predictor.</summary>
internal static class RuntimeSelection
{
    /// <returns>The runtime, or null where none fits.</returns>
    public static JsonObject? Find(JsonNode predictor, string @namespace, IReadOnlyList<JsonObject> known)
    {
        JsonNode model = predictor.At("model")!; // custom predictors need none
        List<JsonObject> runtimes = [.. known.Where(runtime => runtime.Kind() == "ClusterServingRuntime" || (runtime.At("metadata").Text("namespace") ?? @namespace) == @namespace)];
        if (model.Text("runtime") is { } name)
        {
            JsonObject? named = runtimes.OrderBy(Scope).FirstOrDefault(runtime => runtime.Name() == name);
            return named is not null && !IsDisabled(named) && Speaks(named, model.Text("protocolVersion")) && Format(named, model, false) is not null ? named : null;
        }
        return runtimes
            .Where(runtime => !IsDisabled(runtime) && (runtime.At("spec", "workerSpec") is null) == (predictor.At("workerSpec") is null) && Speaks(runtime, model.Text("protocolVersion") ?? "v1") && Format(runtime, model, true) is not null)
            .OrderBy(Scope).ThenByDescending(runtime => Format(runtime, model, true)!.At("priority")?.GetValue<int>() ?? 0).FirstOrDefault();
    }

    private static int Scope(JsonObject runtime) => runtime.Kind() == "ServingRuntime" ? 0 : 1;

    private static bool IsDisabled(JsonObject runtime) => runtime.At("spec", "disabled")?.GetValue<bool>() == true;

    private static bool Speaks(JsonObject runtime, string? protocol) =>
        protocol is null || runtime.Texts("spec", "protocolVersions") is not { Count: > 0 } spoken || spoken.Contains(protocol);

    private static JsonObject? Format(JsonObject runtime, JsonNode model, bool autoSelect) => runtime.Items("spec", "supportedModelFormats").FirstOrDefault(format =>
        format.Text("name") == model.Text("modelFormat", "name")
        && (model.Text("modelFormat", "version") is not { } version || format.Text("version") == version)
        && (!autoSelect || format.At("autoSelect")?.GetValue<bool>() == true));
}
