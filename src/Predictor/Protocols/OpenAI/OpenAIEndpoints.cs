namespace KServePaged.Predictor.Protocols.OpenAI;

internal static class OpenAIEndpoints
{
    /// <summary>KServe mounts the API under /openai, everyone else expects it at /v1.</summary>
    private static readonly string[] Prefixes = ["/v1", "/openai/v1"];

    public static void MapOpenAI(this IEndpointRouteBuilder routes)
    {
        foreach (string prefix in Prefixes)
        {
            routes.MapGet(prefix + "/models", ModelsEndpoint.ListAsync);
            routes.MapGet(prefix + "/models/{*id}", ModelsEndpoint.GetAsync);
            routes.MapPost(prefix + "/completions", context => GenerationEndpoints.AnswerAsync(context, GenerationEndpoints.CompleteAsync));
            routes.MapPost(prefix + "/chat/completions", context => GenerationEndpoints.AnswerAsync(context, GenerationEndpoints.ChatAsync));
        }
    }
}
