using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Hosting;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>What the server says of itself: its name, and the protocol extensions that it speaks, by the names that clients look for.</summary>
internal static class ServerExtensions
{
    public static readonly IReadOnlyList<string> Names = ["binary_tensor_data", "parameters", "generate", "model_repository", "model_repository(unload_dependents)", "model_configuration", "statistics"];

    public static string NameOf(ServerOptions options) => options.TestModels ? TestModels.TestModels.ServerName : ProductInfo.Name;
}
