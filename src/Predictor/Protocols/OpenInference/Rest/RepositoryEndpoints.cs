using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>Triton's repository extension: index, load, unload. Answers carry KServe's members, which Triton's client does not mind.</summary>
internal static class RepositoryEndpoints
{
    private const string Models = "/v2/repository/models/";

    /// <summary>The body is optional; {"ready":true} leaves out what is not.</summary>
    public static async Task IndexAsync(HttpContext context, ModelRepository repository)
    {
        ReadOnlyMemory<byte> bytes = await RequestBody.ReadAsync(context).ConfigureAwait(false);
        bool readyOnly = false;
        if (bytes.Length > 0)
        {
            JsonElement body = JsonBody.Parse(bytes);
            JsonFields.RequireObject(body, "the request body");
            JsonFields.RefuseUnknown(body, ["ready"], "the request body");
            readyOnly = JsonFields.Boolean(body, "ready") == true;
        }
        await JsonReply.WriteAsync(context, writer =>
        {
            writer.WriteStartArray();
            foreach (RepositoryEntry entry in RepositoryEntry.Index(repository, readyOnly))
            {
                writer.WriteStartObject();
                writer.WriteString("name", entry.Name);
                writer.WriteString("version", TextModel.Version);
                writer.WriteString("state", entry.State);
                writer.WriteString("reason", entry.Reason);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        }).ConfigureAwait(false);
    }

    /// <summary>POST …/{model}/load and …/{model}/unload: answered when it is done.</summary>
    public static async Task ChangeAsync(HttpContext context, ModelRepository repository)
    {
        string path = RawPath.Below(context, Models).TrimEnd('/');
        int last = path.LastIndexOf('/');
        (string name, string action) = last > 0 ? (Uri.UnescapeDataString(path[..last]), path[(last + 1)..]) : ("", "");
        IReadOnlyDictionary<string, JsonElement> parameters = await ReadParametersAsync(context).ConfigureAwait(false);
        switch (action)
        {
            case "load" when repository.Route(name) is { } route:
                await repository.ChangeAsync(route, VariantParameters.Read(name, parameters.ToDictionary(
                    parameter => parameter.Key, parameter => parameter.Value.ToString())), context.RequestAborted).ConfigureAwait(false);
                break;
            case "load":
                RepositoryParameters.Prepare(repository, name, parameters.ToDictionary(
                    parameter => parameter.Key, parameter => parameter.Value.ValueKind == JsonValueKind.String ? parameter.Value.GetString() : null));
                await repository.LoadAsync(name, context.RequestAborted).ConfigureAwait(false);
                break;
            case "unload":
                RepositoryParameters.RequireUnload(parameters.Keys);
                await repository.UnloadAsync(name, context.RequestAborted).ConfigureAwait(false);
                break;
            default:
                context.Response.StatusCode = StatusCodes.Status404NotFound; // the error middleware writes the body
                return;
        }
        await JsonReply.WriteAsync(context, writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("name", name);
            writer.WriteBoolean(action, true);
            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private static async Task<IReadOnlyDictionary<string, JsonElement>> ReadParametersAsync(HttpContext context)
    {
        ReadOnlyMemory<byte> bytes = await RequestBody.ReadAsync(context).ConfigureAwait(false);
        if (bytes.Length == 0)
        {
            return new Dictionary<string, JsonElement>();
        }
        JsonElement body = JsonBody.Parse(bytes);
        JsonFields.RequireObject(body, "the request body");
        JsonFields.RefuseUnknown(body, ["parameters"], "the request body");
        return JsonFields.Parameters(body, "parameters");
    }
}
