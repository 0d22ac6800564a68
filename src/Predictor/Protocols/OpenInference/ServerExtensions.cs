namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>The protocol extensions that this server speaks, by the names that clients look for.</summary>
internal static class ServerExtensions
{
    public static readonly IReadOnlyList<string> Names = ["binary_tensor_data", "parameters", "generate", "model_repository", "model_repository(unload_dependents)", "model_configuration", "statistics"];
}
