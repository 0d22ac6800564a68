using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Manifests;

namespace KServePaged.Deployment.Tests.ControlPlane;

/// <summary>How Knative rewrites the pod of a service: one port, its own readiness, its own drain.</summary>
internal static class Revision
{
    /// <summary>Shapes a spec for the first revision, in place.</summary>
    public static void Shape(JsonObject spec, string service, int timeoutSeconds)
    {
        JsonObject user = spec.Named("kserve-container", "containers")!;
        int port = user.Items("ports").FirstOrDefault()?.At("containerPort")?.GetValue<int>() ?? 8080;
        JsonObject? readiness = user["readinessProbe"] as JsonObject;
        if (readiness.At("exec") is null)
        {
            user.Remove("readinessProbe"); // a command stays with the kubelet
        }
        user["ports"] = new JsonArray(new JsonObject { ["name"] = "user-port", ["containerPort"] = port, ["protocol"] = "TCP" });
        user["lifecycle"] = JsonNode.Parse("""{"preStop":{"httpGet":{"path":"/wait-for-drain","port":8022,"scheme":"HTTP"}}}""");
        user["terminationMessagePolicy"] = "FallbackToLogsOnError";
        foreach (JsonObject container in spec.Items("initContainers"))
        {
            container["terminationMessagePolicy"] = "FallbackToLogsOnError";
        }
        if (user.At("livenessProbe") is JsonObject liveness && (liveness["httpGet"] ?? liveness["tcpSocket"]) is JsonObject alive)
        {
            alive["port"] = port; // those of startup and readiness are kept
        }
        var env = (JsonArray)(user["env"] ??= new JsonArray());
        foreach ((string name, string value) in new[] { ("PORT", $"{port}"), ("K_REVISION", service + "-00001"), ("K_CONFIGURATION", service), ("K_SERVICE", service) })
        {
            env.Add(new JsonObject { ["name"] = name, ["value"] = value });
        }
        ((JsonArray)spec["containers"]!).Add(Proxy(readiness, port));
        spec["terminationGracePeriodSeconds"] = timeoutSeconds; // whatever the service asks for
        spec["affinity"] ??= JsonNode.Parse($$$"""
            {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": {
              "labelSelector": {"matchLabels": {"serving.knative.dev/revision": "{{{service}}}-00001"}}, "topologyKey": "kubernetes.io/hostname"}}]}}
            """);
    }

    private static JsonObject Proxy(JsonObject? readiness, int port)
    {
        var probe = (JsonObject)(readiness?.DeepClone() ?? new JsonObject());
        if (probe["httpGet"] is JsonObject http)
        {
            http["host"] = "127.0.0.1";
            http["scheme"] ??= "HTTP";
        }
        else if (probe["grpc"] is JsonObject grpc)
        {
            grpc["service"] ??= "";
        }
        else
        {
            probe.Remove("exec"); // the proxy cannot run it
            probe["tcpSocket"] = new JsonObject { ["port"] = port, ["host"] = "127.0.0.1" };
        }
        probe["successThreshold"] ??= 1;
        return new JsonObject
        {
            ["name"] = "queue-proxy",
            ["image"] = "queue-proxy:1",
            ["env"] = new JsonArray(new JsonObject { ["name"] = "SERVING_READINESS_PROBE", ["value"] = probe.ToJsonString() }),
        };
    }
}
