using System.Text.Json;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>Triton's extensions that tell about models: configuration, statistics, settings.</summary>
internal static class ModelManagement
{
    public static Task ConfigAsync(HttpContext context, string name, ModelDescription description) => JsonReply.WriteAsync(context, writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("name", name);
        writer.WriteString("platform", description.Platform);
        writer.WriteString("backend", description.Platform);
        writer.WriteNumber("max_batch_size", description.MaxBatchSize);
        WriteTensors(writer, "input", description.Inputs, description.InputsAreOptional);
        WriteTensors(writer, "output", description.Outputs, areOptional: false);
        writer.WriteStartObject("model_transaction_policy");
        writer.WriteBoolean("decoupled", description.IsDecoupled);
        writer.WriteEndObject();
        writer.WriteEndObject();
    });

    public static Task StatisticsAsync(HttpContext context, IEnumerable<(string Name, ServedModel Model)> models) => JsonReply.WriteAsync(context, writer =>
    {
        writer.WriteStartObject();
        writer.WriteStartArray("model_stats");
        foreach ((string name, ServedModel model) in models)
        {
            WriteStatistics(writer, name, model, context.RequestServices.GetRequiredService<InferenceStatistics>().Of(model).Counts);
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    /// <summary>GET tells the settings; POST changes them, or is refused, and tells what holds then.</summary>
    public static async Task SettingsAsync(HttpContext context, ServerSettings settings)
    {
        if (HttpMethods.IsPost(context.Request.Method))
        {
            JsonElement body = JsonBody.Parse(await RequestBody.ReadAsync(context).ConfigureAwait(false));
            JsonFields.RequireObject(body, "the request body");
            settings.Apply([.. body.EnumerateObject().Select(change => (change.Name, change.Value.ValueKind == JsonValueKind.Null ? null : ServerSettings.TextsOf(change.Value)))]);
        }
        await JsonReply.WriteAsync(context, settings.Values.WriteTo).ConfigureAwait(false);
    }

    private static void WriteTensors(Utf8JsonWriter writer, string field, IReadOnlyList<TensorMetadata> tensors, bool areOptional)
    {
        writer.WriteStartArray(field);
        foreach (TensorMetadata tensor in tensors)
        {
            writer.WriteStartObject();
            writer.WriteString("name", tensor.Name);
            writer.WriteString("data_type", Datatypes.ConfigName(tensor.Datatype));
            writer.WriteStartArray("dims");
            foreach (long size in tensor.Shape)
            {
                writer.WriteNumberValue(size);
            }
            writer.WriteEndArray();
            if (areOptional)
            {
                writer.WriteBoolean("optional", true);
            }
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void WriteStatistics(Utf8JsonWriter writer, string name, ServedModel model, InferenceCounts counts)
    {
        writer.WriteStartObject();
        writer.WriteString("name", name);
        writer.WriteString("version", TextModel.Version);
        writer.WriteNumber("last_inference", counts.LastInferenceMs);
        writer.WriteNumber("inference_count", counts.InferenceCount);
        writer.WriteNumber("execution_count", counts.Success.Count);
        writer.WriteStartObject("inference_stats");
        Write(writer, "success", counts.Success);
        Write(writer, "fail", counts.Fail);
        Write(writer, "queue", counts.Queue);
        Write(writer, "compute_input", counts.ComputeInput);
        Write(writer, "compute_infer", counts.ComputeInfer);
        Write(writer, "compute_output", counts.ComputeOutput);
        Write(writer, "cache_hit", default); // whole answers are not cached
        Write(writer, "cache_miss", default);
        writer.WriteEndObject();
        writer.WriteStartObject("response_stats");
        writer.WriteStartObject("0");
        Write(writer, "compute_infer", counts.ComputeInfer);
        Write(writer, "compute_output", counts.ComputeOutput);
        Write(writer, "success", counts.Success);
        Write(writer, "fail", counts.Fail);
        Write(writer, "cancel", counts.Cancel);
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteStartArray("batch_stats"); // a step serves requests that are each at another stage: there are no batches of requests
        writer.WriteEndArray();
        writer.WriteStartArray("memory_usage");
        if (model.MemoryBytes > 0)
        {
            writer.WriteStartObject();
            writer.WriteString("type", TextModel.MemoryType);
            writer.WriteNumber("id", 0);
            writer.WriteNumber("byte_size", model.MemoryBytes);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter writer, string name, InferenceDurations durations)
    {
        writer.WriteStartObject(name);
        writer.WriteNumber("count", durations.Count);
        writer.WriteNumber("ns", durations.Nanoseconds);
        writer.WriteEndObject();
    }
}
