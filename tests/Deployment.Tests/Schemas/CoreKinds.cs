using System.Collections;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using k8s.Models;

namespace KServePaged.Deployment.Tests.Schemas;

/// <summary>
/// Kubernetes' own kinds, through the types that its client library generates from the API's description: a manifest is read into its type
/// with unknown fields refused.
/// </summary>
internal static class CoreKinds
{
    private static readonly JsonSerializerOptions Strict = new() { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    private static readonly Dictionary<string, Type> Types = typeof(V1Pod).Assembly.GetTypes()
        .Select(type => (Type: type, Entity: type.GetCustomAttribute<KubernetesEntityAttribute>()))
        .Where(found => found.Entity is not null && !typeof(IList).IsAssignableFrom(found.Type))
        .GroupBy(found => NameOf(found.Entity!)).ToDictionary(group => group.Key, group => group.First().Type);

    /// <returns>The type of "apps/v1 Deployment", or null for a kind that Kubernetes does not bring.</returns>
    public static Type? Find(string versionAndKind) => Types.GetValueOrDefault(versionAndKind);

    public static IReadOnlyList<string> Validate(JsonObject manifest, Type type)
    {
        try
        {
            object? read = JsonSerializer.Deserialize(manifest, type, Strict);
            return [.. Missing(read!, "")];
        }
        catch (JsonException e)
        {
            return [$"{e.Path}: {e.Message}"];
        }
    }

    public static IReadOnlyList<string> ValidateMetadata(JsonNode? metadata) =>
        metadata is JsonObject fields ? Validate(fields, typeof(V1ObjectMeta)) : [".metadata: is required"];

    private static string NameOf(KubernetesEntityAttribute entity) =>
        $"{(string.IsNullOrEmpty(entity.Group) ? "" : entity.Group + "/")}{entity.ApiVersion} {entity.Kind}";

    // The library's types do not tell what the API requires; this does, for the types that our files use.
    private static readonly Dictionary<Type, string[]> Required = new()
    {
        [typeof(V1ObjectMeta)] = [nameof(V1ObjectMeta.Name)],
        [typeof(V1Secret)] = [nameof(V1Secret.Metadata)],
        [typeof(V1ServiceAccount)] = [nameof(V1ServiceAccount.Metadata)],
        [typeof(V1PodDisruptionBudget)] = [nameof(V1PodDisruptionBudget.Metadata), nameof(V1PodDisruptionBudget.Spec)],
        [typeof(V1NetworkPolicy)] = [nameof(V1NetworkPolicy.Metadata), nameof(V1NetworkPolicy.Spec)],
        [typeof(V1NetworkPolicySpec)] = [nameof(V1NetworkPolicySpec.PodSelector)],
        [typeof(V1LabelSelectorRequirement)] = [nameof(V1LabelSelectorRequirement.Key), nameof(V1LabelSelectorRequirement.OperatorProperty)],
        [typeof(V1IPBlock)] = [nameof(V1IPBlock.Cidr)],
    };

    private static IEnumerable<string> Missing(object value, string path)
    {
        foreach (string name in Required.GetValueOrDefault(value.GetType(), []))
        {
            if (value.GetType().GetProperty(name)!.GetValue(value) is null)
            {
                yield return $"{path}.{char.ToLowerInvariant(name[0])}{name[1..]}: is required";
            }
        }
        IEnumerable<(string Name, object? Value)> parts = value is IList items
            ? items.Cast<object?>().Select((item, i) => ($"{path}[{i}]", item))
            : value.GetType().GetProperties().Where(property => property.GetIndexParameters().Length == 0)
                .Select(property => ($"{path}.{char.ToLowerInvariant(property.Name[0])}{property.Name[1..]}", property.GetValue(value)));
        foreach ((string name, object? part) in parts.Where(part => part.Value is IList || part.Value?.GetType().Assembly == typeof(V1Pod).Assembly))
        {
            foreach (string missing in Missing(part!, name))
            {
                yield return missing;
            }
        }
    }
}
