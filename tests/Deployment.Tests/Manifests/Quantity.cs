using System.Text.Json.Nodes;
using k8s.Models;

namespace KServePaged.Deployment.Tests.Manifests;

/// <summary>Amounts of resources: "500m" cores, "8Gi" of memory.</summary>
internal static class Quantity
{
    public static decimal Of(JsonNode amount) => new ResourceQuantity(amount.ToString()).ToDecimal();
}
