using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Manifests;

namespace KServePaged.Deployment.Tests.ControlPlane;

/// <summary>What the API server fills into the spec of a pod.</summary>
internal static class ApiDefaults
{
    /// <param name="template">Whether the spec is a template: the requests of a pod are filled from its limits, those of a template are not.</param>
    public static JsonObject Pod(JsonObject spec, bool template)
    {
        Set(spec, "restartPolicy", "Always");
        Set(spec, "terminationGracePeriodSeconds", 30);
        Set(spec, "dnsPolicy", "ClusterFirst");
        Set(spec, "schedulerName", "default-scheduler");
        Set(spec, "securityContext", new JsonObject());
        foreach (JsonObject container in spec.Items("initContainers").Concat(spec.Items("containers")))
        {
            Container(container, template);
        }
        if (spec.Text("serviceAccountName") is { } account)
        {
            spec["serviceAccount"] = account;
        }
        if (spec.At("hostIPC")?.GetValue<bool>() == false)
        {
            spec.Remove("hostIPC"); // false is not stored
        }
        return spec;
    }

    public static void Container(JsonObject container, bool template)
    {
        Set(container, "terminationMessagePath", "/dev/termination-log");
        Set(container, "terminationMessagePolicy", "File");
        string image = container.Text("image")!; // every container has one
        Set(container, "imagePullPolicy", image.EndsWith(":latest", StringComparison.Ordinal) ? "Always" : "IfNotPresent");
        Set(container, "resources", new JsonObject());
        if (!template && container.At("resources", "limits") is JsonObject limits)
        {
            container["resources"]!["requests"] ??= new JsonObject();
            foreach ((string name, JsonNode? amount) in limits)
            {
                container["resources"]!["requests"]![name] ??= amount!.DeepClone();
            }
        }
        foreach (JsonObject port in container.Items("ports"))
        {
            Set(port, "protocol", "TCP");
        }
        foreach (string name in new[] { "startupProbe", "readinessProbe", "livenessProbe" })
        {
            if (container[name] is JsonObject probe)
            {
                Probe(probe);
            }
        }
    }

    private static void Probe(JsonObject probe)
    {
        Set(probe, "timeoutSeconds", 1);
        Set(probe, "periodSeconds", 10);
        Set(probe, "successThreshold", 1);
        Set(probe, "failureThreshold", 3);
        if (probe["httpGet"] is JsonObject http)
        {
            Set(http, "scheme", "HTTP");
        }
    }

    private static void Set(JsonObject at, string name, JsonNode value) => at[name] ??= value;
}
