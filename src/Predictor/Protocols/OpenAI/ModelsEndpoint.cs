using System.Text.Json;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary>GET models and models/{id}: one entry a name.</summary>
internal static class ModelsEndpoint
{
    public static Task ListAsync(HttpContext context) => JsonReply.WriteAsync(context, json =>
    {
        json.WriteStartObject();
        json.WriteString("object", "list");
        json.WriteStartArray("data");
        foreach (LanguageModel model in context.RequestServices.GetRequiredService<ModelRepository>().Listed.OfType<LanguageModel>())
        {
            foreach (string name in model.Names)
            {
                Write(json, model, name);
            }
        }
        json.WriteEndArray();
        json.WriteEndObject();
    });

    public static Task GetAsync(HttpContext context)
    {
        string name = (string?)context.Request.RouteValues["id"] ?? "";
        LanguageModel model = context.RequestServices.GetRequiredService<ModelRepository>().FindLanguageModel(name);
        return JsonReply.WriteAsync(context, json => Write(json, model, name.Length == 0 ? model.Name : name));
    }

    private static void Write(Utf8JsonWriter json, LanguageModel model, string name)
    {
        json.WriteStartObject();
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
        json.WriteEndObject();
    }
}
