using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.Deployment.Tests.Templates;

namespace KServePaged.Deployment.Tests.ControlPlane;

/// <summary>
/// The pod template that KServe makes of an LLMInferenceService: its preset for vLLM, below the configs that the service refers to, below the service's own template;
/// then the texts in braces are expanded and the model is brought.
/// </summary>
internal static class LlmPod
{
    /// <summary>What the preset brings that is not vLLM's script.</summary>
    private static JsonObject Preset => YamlText.Single("""
        containers:
          - name: main
            ports:
              - containerPort: 8000
                protocol: TCP
            env:
              - name: HOME
                value: /home
              - name: VLLM_LOGGING_LEVEL
                value: INFO
              - name: HF_HUB_CACHE
                value: /models
            securityContext:
              allowPrivilegeEscalation: false
              readOnlyRootFilesystem: false
              runAsNonRoot: true
              capabilities:
                drop: [ALL]
              seccompProfile:
                type: RuntimeDefault
            lifecycle:
              preStop:
                exec:
                  command: [/bin/sleep, "15"]
            terminationMessagePolicy: FallbackToLogsOnError
            livenessProbe:
              httpGet:
                path: /health
                port: 8000
                scheme: '{{ if .GlobalConfig.EnableTLS }}HTTPS{{else}}HTTP{{- end }}'
              periodSeconds: 10
              timeoutSeconds: 1
              failureThreshold: 10
            readinessProbe:
              httpGet:
                path: /health
                port: 8000
                scheme: '{{ if .GlobalConfig.EnableTLS }}HTTPS{{else}}HTTP{{- end }}'
              periodSeconds: 1
              timeoutSeconds: 1
              failureThreshold: 2
            startupProbe:
              httpGet:
                path: /health
                port: 8000
                scheme: '{{ if .GlobalConfig.EnableTLS }}HTTPS{{else}}HTTP{{- end }}'
              failureThreshold: 60
              periodSeconds: 10
            volumeMounts:
              - mountPath: /home
                name: home
              - mountPath: /tmp
                name: tmp-dir
              - mountPath: /dev/shm
                name: dshm
              - mountPath: /models
                name: model-cache
              - mountPath: /var/run/kserve/tls
                name: tls-certs
                readOnly: true
        terminationGracePeriodSeconds: 60
        volumes:
          - name: home
            emptyDir: {}
          - name: dshm
            emptyDir:
              medium: Memory
              sizeLimit: 1Gi
          - name: model-cache
            emptyDir: {}
          - name: tmp-dir
            emptyDir: {}
          - name: tls-certs
            secret:
              secretName: '{{ .ObjectMeta.Name }}-kserve-self-signed-certs'
              defaultMode: 420
        """);

    public static JsonObject Template(JsonObject service, IReadOnlyList<JsonObject> configs, bool tls)
    {
        JsonObject spec = Preset;
        foreach (string name in service.Items("spec", "baseRefs").Select(reference => reference.Name()))
        {
            spec = StrategicMerge.Merge(spec, (JsonObject)configs.Single(config => config.Kind() == "LLMInferenceServiceConfig" && config.Name() == name).At("spec", "template")!);
        }
        spec = StrategicMerge.Merge(spec, service.At("spec", "template") as JsonObject ?? []);
        spec = Expand(spec, service, tls);
        if (service.At("spec", "storageInitializer", "enabled")?.GetValue<bool>() != false)
        {
            Storage.Add(spec, service.Text("spec", "model", "uri")!, null, readOnly: true);
        }
        if (spec.Named("storage-initializer", "initContainers") is { } initializer)
        {
            initializer["imagePullPolicy"] = "Always";
        }
        return new JsonObject { ["metadata"] = new JsonObject(), ["spec"] = ApiDefaults.Pod(spec, template: true) };
    }

    private static JsonObject Expand(JsonObject spec, JsonObject service, bool tls)
    {
        var template = new GoTemplate(GoFunctions.All);
        var data = new JsonObject
        {
            ["Spec"] = new JsonObject
            {
                ["Model"] = new JsonObject { ["Name"] = service.Text("spec", "model", "name") ?? service.Name() },
                ["Parallelism"] = service.At("spec", "parallelism", "tensor") is { } tensor ? new JsonObject { ["Tensor"] = tensor.DeepClone() } : null,
            },
            ["ObjectMeta"] = new JsonObject { ["Name"] = service.Name(), ["Namespace"] = service.At("metadata").Text("namespace") ?? "default" },
            ["GlobalConfig"] = new JsonObject { ["EnableTLS"] = tls },
        };
        return (JsonObject)Each(spec, text => template.Render(text, data))!;
    }

    private static JsonNode? Each(JsonNode? node, Func<string, string> expand) => node switch
    {
        JsonObject fields => new JsonObject(fields.Select(field => KeyValuePair.Create(field.Key, Each(field.Value, expand)))),
        JsonArray items => new JsonArray([.. items.Select(item => Each(item, expand))]),
        JsonValue value when value.GetValueKind() == System.Text.Json.JsonValueKind.String => expand(value.GetValue<string>()),
        _ => node?.DeepClone(),
    };
}
