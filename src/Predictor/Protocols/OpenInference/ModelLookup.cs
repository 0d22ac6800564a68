using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Hosting;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>The model of a request by name and version.</summary>
internal static class ModelLookup
{
    /// <param name="version">Null or empty = any.</param>
    /// <exception cref="RequestException">ModelNotFound: no such model, or no such version of it.</exception>
    public static ServedModel Find(EngineHost host, string name, string? version)
    {
        ServedModel model = host.Find(name);
        return string.IsNullOrEmpty(version) || version == TextModel.Version
            ? model
            : throw new RequestException(
                EngineErrorCode.ModelNotFound, $"The model '{name}' has no version '{version}'; served: {TextModel.Version}.", "model_version");
    }
}
