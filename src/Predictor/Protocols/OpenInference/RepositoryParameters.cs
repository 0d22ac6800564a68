using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>What a client may say beside a model's name when it loads or unloads one.</summary>
internal static class RepositoryParameters
{
    private const string Config = "config";

    /// <summary>
    /// Triton's overrides of a configuration and of files are refused: a model is its directory, and no file comes from a request. Only a
    /// model of tensors, which has no directory, may be given a configuration.
    /// </summary>
    /// <param name="parameters">By name; null = not a text.</param>
    /// <exception cref="RequestException">There is a parameter that the model does not take.</exception>
    public static void Prepare(ModelRepository repository, string name, IReadOnlyDictionary<string, string?> parameters)
    {
        if (repository.Models.FirstOrDefault(model => model.Names.Contains(name)) is not TensorModel model)
        {
            RequireNone(parameters.Keys);
            return;
        }
        if (parameters.Keys.FirstOrDefault(parameter => parameter.StartsWith("file:", StringComparison.Ordinal)) is { } file)
        {
            // The status and the first words are Triton's, whose example checks them.
            throw new RequestException(
                EngineErrorCode.Internal, $"failed to poll from model repository: '{name}' has no files, and '{Shown(file)}' cannot be one of them.", Config);
        }
        RequireNone(parameters.Keys.Where(parameter => parameter != Config));
        model.Override(parameters.TryGetValue(Config, out string? config)
            ? config ?? throw JsonFields.Invalid($"failed to load '{name}': 'config' must be a string of JSON.", Config)
            : null);
    }

    /// <summary><c>unload_dependents</c> is taken: no model depends on another, so both its values say the same.</summary>
    /// <exception cref="RequestException">There is another parameter.</exception>
    public static void RequireUnload(IEnumerable<string> names)
    {
        if (names.FirstOrDefault(name => name != "unload_dependents") is { } name)
        {
            throw JsonFields.Invalid($"failed to unload: parameter '{name}' is not supported; only unload_dependents is.", name);
        }
    }

    private static void RequireNone(IEnumerable<string> names)
    {
        if (names.FirstOrDefault() is { } name)
        {
            throw JsonFields.Invalid($"failed to load: parameter '{Shown(name)}' is not supported; a model is loaded as its directory is.", name);
        }
    }

    private static string Shown(string name) => name.Length <= 60 ? name : name[..57] + "...";
}
