using KServePaged.Engine.Configuration;

namespace KServePaged.Predictor.Configuration;

/// <summary>What is not on the command line: the environment's part before it is read, and what depends on the rest after.</summary>
internal static class Defaults
{
    /// <summary>Where Predictor.csproj puts models/demo.</summary>
    public static string DemoModelPath => Path.Combine(AppContext.BaseDirectory, "models", "demo");

    public static ServerOptions Before(ServerEnvironment environment)
    {
        var options = new ServerOptions { Engine = new EngineOptions { ModelPath = "" }, CloudEvents = environment.CloudEvents, Hub = environment.Hub, TerminationMessagePath = environment.TerminationMessagePath };
        if (environment.Port is { } port)
        {
            try
            {
                options = options with { Port = (int)OptionValues.Integer(port, 0, 65535) };
            }
            catch (FormatException e)
            {
                throw new UsageException($"The environment variable PORT '{port}' cannot be used: it takes {e.Message}.");
            }
        }
        return environment.ApiKey is { } key ? options with { ApiKeys = [key] } : options;
    }

    public static ServerOptions After(ServerOptions options, ServerEnvironment environment)
    {
        if (options.KeyPath is not null && options.CertificatePath is null)
        {
            throw new UsageException("--ssl_keyfile names the key of --ssl_certfile, which is not given.");
        }
        if (environment is { InKnative: true, Port: { } port } && $"{options.Port}" != port && $"{options.GrpcPort}" != port)
        {
            throw new UsageException(
                $"--port (--http_port) {options.Port} contradicts PORT={port}, where Knative sends requests and probes: leave the option out, or give the InferenceService's container the port {options.Port}.");
        }
        options = WithModelId(options);
        options = Observed(options, environment);
        if (!options.HasOwnModel && options.RepositoryPath is not null)
        {
            return WithRepositoryAlone(options, environment);
        }
        if (options.RepositoryPath is null && options.LoadModels is not null)
        {
            throw new UsageException("--load_model chooses among the models of --model_repository, which is not given.");
        }
        if (options.RepositoryPath is null && options.Variants.Count > 0)
        {
            throw new UsageException("--variants names models of --model_repository, which is not given.");
        }
        bool demo = !options.HasOwnModel;
        if (demo && !Directory.Exists(DemoModelPath))
        {
            throw new UsageException("No model: name one with --model_dir PATH or --model_id ORG/NAME (this build carries no embedded model).");
        }
        string path = demo ? DemoModelPath : options.Engine.ModelPath;
        IReadOnlyList<string> names = options.ModelNames.Count > 0 ? options.ModelNames : [environment.ModelName ?? options.HubModel?.Id ?? NameOf(path)];
        return options with
        {
            IsDemo = demo,
            Engine = options.Engine with { ModelPath = path, ModelName = names[0] },
            ModelNames = names,
            // A pod is reached by its address; vLLM's and KServe's users expect a named model to be reachable. Trying the demo on a
            // laptop must not open a port to the network.
            Host = options.Host ?? (demo && !environment.InKubernetes ? "127.0.0.1" : "*"),
            ModelWait = WaitOf(environment),
            ShutdownDelay = DelayOf(options, environment),
        };
    }

    /// <summary>With the model format huggingface KServe mounts nothing, and the runtime's --model_dir leads nowhere: --model_id wins.</summary>
    private static ServerOptions WithModelId(ServerOptions options)
    {
        bool isDirectory = options.ModelId is not { } id || !HubReference.IsId(id) || Directory.Exists(id);
        string revision = options.ModelRevision ?? HubReference.DefaultRevision;
        if (isDirectory && (options.ModelRevision ?? options.TokenizerRevision) is not null)
        {
            throw new UsageException("--model_revision chooses among the revisions of a model on the Hub: --model_id ORG/NAME, which is not given.");
        }
        if (options.TokenizerRevision is { } tokenizer && tokenizer != revision)
        {
            throw new UsageException($"--tokenizer_revision '{tokenizer}' cannot be used: the tokenizer comes with the model, whose revision is '{revision}'.");
        }
        if (isDirectory)
        {
            return options.ModelId is null ? options : options with { Engine = options.Engine with { ModelPath = options.ModelId } };
        }
        if (!Uri.TryCreate(options.Hub.Endpoint, UriKind.Absolute, out Uri? endpoint) || (endpoint.Scheme != Uri.UriSchemeHttps && endpoint.Scheme != Uri.UriSchemeHttp))
        {
            throw new UsageException($"The environment variable HF_ENDPOINT '{options.Hub.Endpoint}' cannot be used: it takes an address that begins with https:// or http://.");
        }
        return options with { HubModel = new HubReference(options.ModelId!, revision), Engine = options.Engine with { ModelPath = "" } }; // an id, since it is no directory
    }

    private static ServerOptions Observed(ServerOptions options, ServerEnvironment environment) => options with
    {
        Log = options.Log with { Requests = options.Log.Requests || options.Log.RequestContents },
        Traces = TraceEnvironment.Read(options.TracesEndpoint, environment.OpenTelemetry, environment.ModelName),
        InferenceLog = options.InferenceLog with
        {
            Source = environment.PodName ?? options.InferenceLog.Source,
            Service = environment.ModelName,
            Namespace = environment.Namespace,
        },
    };

    private static ServerOptions WithRepositoryAlone(ServerOptions options, ServerEnvironment environment) => options.ModelNames.Count > 0
        ? throw new UsageException("--model_name names the model of --model_dir; those of --model_repository are called as their directories are.")
        : options with { Host = options.Host ?? "*", ModelWait = WaitOf(environment), ShutdownDelay = DelayOf(options, environment) };

    private static TimeSpan DelayOf(ServerOptions options, ServerEnvironment environment) =>
        options.ShutdownDelay ?? (environment.InKubernetes ? TimeSpan.FromSeconds(5) : TimeSpan.Zero);

    private static TimeSpan WaitOf(ServerEnvironment environment) => environment.ModelAppearsLate ? TimeSpan.FromMinutes(10) : TimeSpan.Zero;

    private static string NameOf(string path) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))) is { Length: > 0 } name ? name : "model";
}
