using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Manifests;

namespace KServePaged.Deployment.Tests.ControlPlane;

/// <summary>What the downloader gets from the secrets of the service account, or from the secret of spec.storage.</summary>
internal static class Credentials
{
    public static IEnumerable<JsonObject> Of(JsonObject predictor, IReadOnlyList<JsonObject> applied)
    {
        if (predictor.Text("model", "storage", "key") is { } key)
        {
            return [FromSecret("STORAGE_CONFIG", "storage-config", key)];
        }
        string account = predictor.Text("serviceAccountName") ?? "default";
        HashSet<string> names = [.. applied.Where(found => found.Kind() == "ServiceAccount" && found.Name() == account).SelectMany(found => found.Items("secrets")).Select(secret => secret.Name())];
        return applied.Where(found => found.Kind() == "Secret" && names.Contains(found.Name())).SelectMany(OfSecret);
    }

    /// <summary>The URI that the downloader is given for spec.storage: the bucket is in the secret.</summary>
    public static string Resolve(JsonNode storage, IReadOnlyList<JsonObject> applied)
    {
        JsonObject secret = applied.Single(found => found.Kind() == "Secret" && found.Name() == "storage-config");
        JsonNode about = JsonNode.Parse(secret.Text("stringData", storage.Text("key")!)!)!;
        return $"{about.Text("type")}://{about.Text("bucket")}/{storage.Text("path")}";
    }

    private static IEnumerable<JsonObject> OfSecret(JsonObject secret)
    {
        foreach (string name in new[] { "HF_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY" }.Where(name => secret.At("stringData", name) is not null))
        {
            yield return FromSecret(name, secret.Name(), name);
        }
        string? https = secret.Annotation("serving.kserve.io/s3-usehttps");
        if (https is not null)
        {
            yield return Value("S3_USE_HTTPS", https);
        }
        if (secret.Annotation("serving.kserve.io/s3-endpoint") is { } endpoint)
        {
            yield return Value("S3_ENDPOINT", endpoint);
            yield return Value("AWS_ENDPOINT_URL", $"{(https == "0" ? "http" : "https")}://{endpoint}");
        }
        if (secret.Annotation("serving.kserve.io/s3-region") is { } region)
        {
            yield return Value("AWS_DEFAULT_REGION", region);
        }
    }

    private static JsonObject Value(string name, string value) => new() { ["name"] = name, ["value"] = value };

    private static JsonObject FromSecret(string name, string secret, string key) =>
        new() { ["name"] = name, ["valueFrom"] = new JsonObject { ["secretKeyRef"] = new JsonObject { ["name"] = secret, ["key"] = key } } };
}
