using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Hosting;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>The model of a request by name and version.</summary>
internal static class ModelLookup
{
    /// <param name="version">Null or empty = any.</param>
    /// <exception cref="RequestException">ModelNotFound: no such model, or no such version of it.</exception>
    public static ServedModel Find(ModelRepository repository, string name, string? version)
    {
        RequireName(name);
        ServedModel model = repository.Find(name);
        RequireVersion(name, version);
        return model;
    }

    /// <summary>The one that answers this caller, behind a route one of its variants.</summary>
    /// <exception cref="RequestException">As <see cref="Find"/>; ModelNotFound: no such variant.</exception>
    public static ServedModel Select(ModelRepository repository, string name, string? version, Caller caller)
    {
        RequireName(name);
        ServedModel model = repository.Select(name, caller);
        RequireVersion(name, version);
        return model;
    }

    /// <exception cref="RequestException">Unsupported: it does not generate text.</exception>
    public static LanguageModel TextOf(ServedModel model) => model as LanguageModel ?? throw new RequestException(
        EngineErrorCode.Unsupported, $"The model '{model.Name}' takes tensors and generates no text.", "model");

    private static void RequireName(string name)
    {
        if (name.Length == 0)
        {
            throw new RequestException(EngineErrorCode.ModelNotFound, "The request names no model.", "model_name");
        }
    }

    private static void RequireVersion(string name, string? version)
    {
        if (!string.IsNullOrEmpty(version) && version != TextModel.Version)
        {
            throw new RequestException(
                EngineErrorCode.ModelNotFound, version.Any(c => !char.IsAsciiDigit(c))
                    ? $"failed to get model version from specified version string '{version}': versions are numbers; served of '{name}': {TextModel.Version}."
                    : $"The model '{name}' has no version '{version}'; served: {TextModel.Version}.", "model_version");
        }
    }
}
