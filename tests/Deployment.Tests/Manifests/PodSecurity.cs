using System.Text.Json.Nodes;

namespace KServePaged.Deployment.Tests.Manifests;

/// <summary>The Pod Security level restricted, as far as a pod template of ours could break it.</summary>
internal static class PodSecurity
{
    /// <returns>What the admission would refuse, one sentence each; empty = accepted.</returns>
    public static List<string> Restricted(JsonNode podSpec)
    {
        var refused = new List<string>();
        foreach (string field in new[] { "hostNetwork", "hostPID", "hostIPC" })
        {
            if (podSpec.At(field)?.GetValue<bool>() == true)
            {
                refused.Add(field);
            }
        }
        string[] volumes = ["name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret", "image"];
        refused.AddRange(podSpec.Items("volumes").Where(volume => volume.Any(field => !volumes.Contains(field.Key))).Select(volume => $"volume {volume.Name()}"));
        foreach (JsonObject container in podSpec.Items("initContainers").Concat(podSpec.Items("containers")))
        {
            refused.AddRange(Container(container, podSpec.At("securityContext")).Select(what => $"{container.Name()}: {what}"));
        }
        return refused;
    }

    private static IEnumerable<string> Container(JsonObject container, JsonNode? pod)
    {
        JsonNode? own = container.At("securityContext");
        JsonNode? Either(params string[] path) => own.At(path) ?? pod.At(path);
        if (own.At("privileged")?.GetValue<bool>() == true)
        {
            yield return "privileged";
        }
        if (own.At("allowPrivilegeEscalation")?.GetValue<bool>() != false)
        {
            yield return "allowPrivilegeEscalation";
        }
        if (!own.Texts("capabilities", "drop").Contains("ALL") || own.Texts("capabilities", "add").Any(added => added != "NET_BIND_SERVICE"))
        {
            yield return "capabilities";
        }
        if (Either("runAsNonRoot")?.GetValue<bool>() != true || Either("runAsUser")?.ToString() == "0")
        {
            yield return "runAsNonRoot";
        }
        if (Either("seccompProfile", "type")?.GetValue<string>() is not ("RuntimeDefault" or "Localhost"))
        {
            yield return "seccompProfile";
        }
        if (container.Items("ports").Any(port => port.At("hostPort") is not null))
        {
            yield return "hostPort";
        }
    }
}
