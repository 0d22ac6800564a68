using System.Text.Json;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary>
/// GET models and models/{id}: one entry a name. KServe's first protocol has the same paths, so each answer holds both protocols' members.
/// </summary>
internal static class ModelsEndpoint
{
    public static Task ListAsync(HttpContext context) => JsonReply.WriteAsync(context, json =>
    {
        json.WriteStartObject();
        json.WriteString("object", "list");
        (string Name, LanguageModel Model)[] models =
            [.. Repository(context).ListedNames.Where(entry => entry.Model is LanguageModel).Select(entry => (entry.Name, (LanguageModel)entry.Model))];
        json.WriteStartArray("data");
        foreach ((string name, LanguageModel model) in models)
        {
            json.WriteStartObject();
            WriteMembers(json, model, name);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("models");
        foreach (string name in models.Select(entry => entry.Name))
        {
            json.WriteStringValue(name);
        }
        json.WriteEndArray();
        json.WriteEndObject();
    });

    /// <summary>503 while the model is not ready, as KServe's clients ask for; the members are there all the same.</summary>
    public static Task GetAsync(HttpContext context)
    {
        string name = (string?)context.Request.RouteValues["id"] ?? "";
        LanguageModel model = Repository(context).FindLanguageModel(name);
        name = name.Length == 0 ? model.Name : name;
        HealthReport health = model.Health.Current;
        if (health.Stage == HealthState.UnloadedStage)
        {
            model.RequireReady(); // throws: it is not among the listed
        }
        context.Response.StatusCode = health.Ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        return JsonReply.WriteAsync(context, json =>
        {
            json.WriteStartObject();
            WriteMembers(json, model, name);
            json.WriteString("name", name);
            json.WriteBoolean("ready", health.Ready);
            if (!health.Ready)
            {
                json.WritePropertyName("error");
                OpenAIErrorShape.WriteError(json, ErrorReply.FromHttp(context.Response.StatusCode, $"The model '{name}' is not ready ({ServedModel.Describe(health)})."));
            }
            json.WriteEndObject();
        });
    }

    private static ModelRepository Repository(HttpContext context) => context.RequestServices.GetRequiredService<ModelRepository>();

    private static void WriteMembers(Utf8JsonWriter json, LanguageModel model, string name)
    {
        json.WriteString("id", name);
        json.WriteString("object", "model");
        json.WriteNumber("created", model.CreatedAt.ToUnixTimeSeconds());
        json.WriteString("owned_by", ProductInfo.Name);
        json.WriteString("root", model.Name);
        json.WriteNull("parent");
        if (model.LoadedEngine?.Model.MaxModelLength is { } length)
        {
            json.WriteNumber("max_model_len", length);
        }
        else
        {
            json.WriteNull("max_model_len");
        }
    }
}
