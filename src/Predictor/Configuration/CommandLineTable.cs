using System.Globalization;
using KServePaged.Engine.Configuration;

namespace KServePaged.Predictor.Configuration;

/// <summary>Every option there is; <see cref="Shown"/> are those that the help and the documents tell of. An option is added by a line here and a property in its options record.</summary>
internal static class CommandLineTable
{
    private const string Model = "Model";
    private const string Server = "Server";
    private const string Batching = "Batching and cache";
    private const string Hardware = "Hardware";

    public static IReadOnlyList<CommandLineOption> Options { get; } =
    [
        One(Model, "model_dir model", "PATH", "Directory in Hugging Face's layout. Without it the embedded demo model is served.",
            (o, v) => Engine(o, e => e with { ModelPath = v }), o => o.Engine.ModelPath),
        One(Model, "model_id", "ORG/NAME", "Model to download from the Hugging Face Hub, or a directory. Wins over model_dir.",
            (o, v) => o with { ModelId = Id(v) }, o => o.ModelId),
        One(Model, "model_revision revision", "REVISION", "Branch, tag or commit of model_id. Default: main.",
            (o, v) => o with { ModelRevision = Revision(v) }, o => o.ModelRevision),
        One(Model, "tokenizer_revision", "REVISION", "Taken where it is model_revision: the tokenizer comes with the model.",
            (o, v) => o with { TokenizerRevision = Revision(v) }, o => o.TokenizerRevision),
        One(Model, "download_dir", "PATH", "Cache of downloaded models, in Hugging Face's layout. Default: HF_HUB_CACHE, else hub in HF_HOME.",
            (o, v) => o with { Hub = o.Hub with { CachePath = v } }, o => o.HubModel is null ? null : o.Hub.CachePath),
        Many(Model, "model_name served_model_name", "NAME...",
            "Names the model answers to; the first is the one in responses. Default: INFERENCE_SERVICE_NAME, else model_id or the directory's name.",
            (o, v) => o with { ModelNames = v }, o => string.Join(' ', o.ModelNames)),
        One(Model, "model_repository", "PATH", "Directory of model directories, each served under its name (or org/name); they can be loaded and unloaded.",
            (o, v) => o with { RepositoryPath = v }, o => o.RepositoryPath),
        Many(Model, "load_model", "NAME...", "Models of the repository to load at the start: names, all or none. Default: all.",
            (o, v) => o with { LoadModels = v is ["all" or "*"] ? null : v is ["none"] ? [] : v }, o => o.LoadModels is { } names ? names is [] ? "none" : string.Join(' ', names) : "all"),
        Many(Model, "variants", "ROUTE...",
            "A name of its own for a model of the repository, NAME=STABLE, and a share of its requests for another: NAME=STABLE,CANDIDATE:PERCENT.",
            (o, v) => o with { Variants = [.. v.Select(VariantOption.Parse)] }, o => o.Variants.Count == 0 ? null : string.Join(' ', o.Variants)),
        One(Model, "tokenizer", "PATH", "Directory of tokenizer.json and the chat template, when not the model's.",
            (o, v) => Engine(o, e => e with { TokenizerPath = v }), o => o.Engine.TokenizerPath),
        One(Model, "chat_template", "FILE", "Jinja file that replaces the model's chat template.",
            (o, v) => Engine(o, e => e with { ChatTemplatePath = v }), o => o.Engine.ChatTemplatePath),
        One(Model, "max_model_len max_length", "TOKENS", "Longest prompt plus output; k and K are 1000 and 1024. Default: auto, the model's own limit.",
            (o, v) => Engine(o, e => e with { MaxModelLength = v is "auto" or "-1" ? null : OptionValues.Count(v, 1, int.MaxValue) }),
            o => Text(o.Engine.MaxModelLength) ?? "auto"),
        One(Model, "dtype", "TYPE", "Type of weights and matrix products: auto (the checkpoint's), float32, bfloat16 or float16.",
            (o, v) => Engine(o, e => e with { DType = Type(v) }), o => o.Engine.DType),
        One(Model, "quantization", "NAME",
            "Store matrices in fewer bits, from any checkpoint: none, int8, int8-dynamic (inputs of products too; fastest for prompts), fp8 (on a GPU) or int4 (smallest).",
            (o, v) => Engine(o, e => e with { Quantization = OptionValues.Choice(v, "none", "int8", "int8-dynamic", "fp8", "int4") }), o => o.Engine.Quantization),
        One(Model, "seed", "NUMBER", "Seed for requests that name none. Default: another one for each request.",
            (o, v) => Engine(o, e => e with { Seed = OptionValues.Integer(v, long.MinValue, long.MaxValue) }), o => Text(o.Engine.Seed)),
        One(Model, "max_logprobs", "COUNT", "Most alternatives a request may ask log-probabilities for.",
            (o, v) => Engine(o, e => e with { MaxLogprobs = (int)OptionValues.Integer(v, 0, 1024) }), o => Text(o.Engine.MaxLogprobs)),
        One(Model, "max_n", "COUNT", "Most outputs (n) of one request.",
            (o, v) => Engine(o, e => e with { MaxOutputsPerRequest = (int)OptionValues.Integer(v, 1, 16384) }),
            o => Text(o.Engine.MaxOutputsPerRequest)),

        One(Server, "host", "ADDRESS",
            "Address to listen on: an IP address, localhost, or * for all. Default: all; 127.0.0.1 for the demo model outside Kubernetes.",
            (o, v) => o with { Host = Address(v) }, o => o.Host),
        One(Server, "port http_port", "PORT", "TCP port; 0 takes a free one.",
            (o, v) => o with { Port = (int)OptionValues.Integer(v, 0, 65535) }, o => Text(o.Port)),
        One(Server, "grpc_port", "PORT", "A second port for callers that expect gRPC on its own; both ports serve everything. 0: the one port does.",
            (o, v) => o with { GrpcPort = (int)OptionValues.Integer(v, 0, 65535) }, o => Text(o.GrpcPort)),
        One(Server, "ssl_certfile", "FILE", "PEM file of a certificate and its chain; the ports then speak TLS. A renewed file is picked up.",
            (o, v) => o with { CertificatePath = v }, o => o.CertificatePath),
        One(Server, "ssl_keyfile", "FILE", "PEM file of its private key, without a passphrase. Default: it is in ssl_certfile.",
            (o, v) => o with { KeyPath = v }, o => o.KeyPath),
        Many(Server, "api_key", "KEY...", "Keys of which a caller must present one as 'Authorization: Bearer KEY'. Also VLLM_API_KEY.",
            (o, v) => o with { ApiKeys = v }, o => o.ApiKeys.Count == 0 ? null : $"({o.ApiKeys.Count} not shown)"),
        One(Server, "api_key_file", "FILE", "File with such keys, one a line, instead.",
            (o, v) => o with { ApiKeys = KeysOf(v) }, _ => null),
        One(Server, "max_body_size", "SIZE", "Largest request body.",
            (o, v) => o with { MaxBodyBytes = OptionValues.Bytes(v) }, o => OptionValues.ShowBytes(o.MaxBodyBytes)),
        Switch(Server, "enable_prompt_tokens_details", "Tell in the usage of OpenAI answers how many prompt tokens were cached.",
            (o, v) => o with { PromptTokensDetails = v }, o => o.PromptTokensDetails),
        One(Server, "load_wait", "SECONDS",
            "How long requests that arrive while the models of the start are loading wait for them; a stream hears of the progress. 0 refuses them.",
            (o, v) => o with { LoadWait = OptionValues.Seconds(v, 86400) }, o => Text(o.LoadWait.TotalSeconds)),
        One(Server, "shutdown_delay", "SECONDS",
            "How long after SIGTERM requests are still taken, while readiness already fails. Default: 5 in Kubernetes, whose balancers notice late; else 0.",
            (o, v) => o with { ShutdownDelay = OptionValues.Seconds(v, 3600) }, o => Text(o.ShutdownDelay?.TotalSeconds)),
        One(Server, "shutdown_timeout", "SECONDS", "How long after SIGTERM running requests may take to end.",
            (o, v) => o with { ShutdownTimeout = OptionValues.Seconds(v, 86400) },
            o => o.ShutdownTimeout.TotalSeconds.ToString(CultureInfo.InvariantCulture)),

        .. ObservabilityOptions.All,

        One(Batching, "max_num_seqs", "COUNT", "Sequences that run together.",
            (o, v) => Engine(o, e => e with { MaxSequences = (int)OptionValues.Integer(v, 1, 4096) }), o => Text(o.Engine.MaxSequences)),
        One(Batching, "max_num_batched_tokens", "TOKENS", "Tokens of one step: decodes first, then chunks of prompts.",
            (o, v) => Engine(o, e => e with { MaxBatchedTokens = OptionValues.Count(v, 1, 1 << 20) }), o => Text(o.Engine.MaxBatchedTokens)),
        One(Batching, "mixed_prompt_tokens", "TOKENS",
            "Prompt tokens of a step that decodes too, or three for each sequence that runs or waits where that is more. Smaller keeps streams even, larger answers new prompts sooner.",
            (o, v) => Engine(o, e => e with { MixedPromptTokens = OptionValues.Count(v, 1, 1 << 20) }),
            o => Text(o.Engine.MixedPromptTokens)),
        One(Batching, "max_queued_requests", "COUNT", "Requests that may wait beside the running ones; more are refused with a retry hint.",
            (o, v) => Engine(o, e => e with { MaxQueuedRequests = (int)OptionValues.Integer(v, 1, 1 << 20) }),
            o => Text(o.Engine.MaxQueuedRequests)),
        One(Batching, "block_size", "TOKENS", "Tokens of a cache block.",
            (o, v) => Engine(o, e => e with { BlockTokens = (int)OptionValues.Integer(v, 1, 256) }), o => Text(o.Engine.BlockTokens)),
        Switch(Batching, "enable_prefix_caching", "Keep computed prompt blocks for later requests with the same beginning.",
            (o, v) => Engine(o, e => e with { EnablePrefixCaching = v }), o => o.Engine.EnablePrefixCaching),
        One(Batching, "kv_cache_dtype", "TYPE", "Type of cached keys and values: auto (that of the products), float32, bfloat16, float16 or int8 (a scale for each token and head).",
            (o, v) => Engine(o, e => e with { KvCacheDType = CacheType(v) }), o => o.Engine.KvCacheDType),
        One(Batching, "kv_cache_memory kv_cache_memory_bytes", "SIZE", "Size of the cache, taken from the system at the start. Default: what memory_fraction leaves, taken as it fills.",
            (o, v) => Engine(o, e => e with { KvCacheBytes = OptionValues.Bytes(v) }),
            o => o.Engine.KvCacheBytes is { } bytes ? OptionValues.ShowBytes(bytes) : null),
        One(Batching, "memory_fraction gpu_memory_utilization", "FRACTION", "Share of the device's memory for weights, working space and cache.",
            (o, v) => Engine(o, e => e with { MemoryFraction = OptionValues.Fraction(v, 0.05, 0.98) }), o => Text(o.Engine.MemoryFraction)),

        One(Hardware, "device", "DEVICE", "auto, cpu or cuda.",
            (o, v) => Engine(o, e => e with { Device = OptionValues.Choice(v, "auto", "cpu", "cuda") }), o => o.Engine.Device),
        One(Hardware, "threads", "COUNT", "CPU worker threads; 0 takes what affinity and the cgroup's quota allow.",
            (o, v) => Engine(o, e => e with { Threads = (int)OptionValues.Integer(v, 0, 1024) }), o => Text(o.Engine.Threads)),
        Switch(Hardware, "pin_threads", "Keep each worker thread on one processor; for machines that nobody else uses.",
            (o, v) => Engine(o, e => e with { PinThreads = v }), o => o.Engine.PinThreads),
        One(Hardware, "isa", "NAME", "Instruction set of the CPU kernels: auto, scalar, avx2, avx512 or avx512_bf16.",
            (o, v) => Engine(o, e => e with { Isa = OptionValues.Choice(v, "auto", "scalar", "avx2", "avx512", "avx512_bf16") }), o => o.Engine.Isa),
        Switch(Hardware, "batch_invariant", "Give each request the same bits in any batch; false lets a Hopper GPU take faster products that may round otherwise.",
            (o, v) => Engine(o, e => e with { BatchInvariant = v }), o => o.Engine.BatchInvariant),

        new(["test_models"], Server, OptionArity.Switch, "", "Serve the models that Triton's client examples run against.",
            (o, v) => o with { TestModels = OptionValues.Boolean(v[0]) }, o => o.TestModels ? "true" : null) { IsHidden = true },
    ];

    public static IEnumerable<CommandLineOption> Shown => Options.Where(option => !option.IsHidden);

    internal static CommandLineOption One(
        string group, string names, string value, string help, Func<ServerOptions, string, ServerOptions> set, Func<ServerOptions, string?> show) =>
        new(names.Split(' '), group, OptionArity.One, value, help, (options, values) => set(options, values[0]), show);

    private static CommandLineOption Many(
        string group, string names, string value, string help,
        Func<ServerOptions, IReadOnlyList<string>, ServerOptions> set, Func<ServerOptions, string?> show) =>
        new(names.Split(' '), group, OptionArity.Many, value, help, set, show);

    internal static CommandLineOption Switch(
        string group, string names, string help, Func<ServerOptions, bool, ServerOptions> set, Func<ServerOptions, bool> show) =>
        new(names.Split(' '), group, OptionArity.Switch, "", help,
            (options, values) => set(options, OptionValues.Boolean(values[0])), options => show(options) ? "true" : "false");

    private static ServerOptions Engine(ServerOptions options, Func<EngineOptions, EngineOptions> change) =>
        options with { Engine = change(options.Engine) };

    private static string? Text(IFormattable? value) => value?.ToString(null, CultureInfo.InvariantCulture);

    private static string Type(string text) => OneOfTypes(text) ?? throw new FormatException("one of auto, float32, bfloat16, float16");

    private static string? OneOfTypes(string text) => text.ToLowerInvariant() switch
    {
        "auto" => "auto",
        "float32" or "float" or "fp32" or "f32" => "float32",
        "bfloat16" or "bf16" => "bfloat16",
        "float16" or "half" or "fp16" or "f16" => "float16",
        _ => null,
    };

    private static string CacheType(string text) => text.ToLowerInvariant() switch
    {
        "int8" => "int8",
        "fp8" or "fp8_e4m3" or "fp8_e5m2" or "fp8_inc" or "fp8_ds_mla" =>
            throw new FormatException("one of auto, float32, bfloat16, float16, int8; 8-bit floats are not supported"),
        _ => OneOfTypes(text) ?? throw new FormatException("one of auto, float32, bfloat16, float16, int8"),
    };

    private static string Id(string text) =>
        HubReference.IsId(text) || Path.IsPathRooted(text) || text.StartsWith("./", StringComparison.Ordinal) || text.StartsWith("../", StringComparison.Ordinal)
            ? text
            : throw new FormatException("ORG/NAME as on the Hub, or a directory");

    private static string Revision(string text) =>
        HubReference.IsRevision(text) ? text : throw new FormatException("a branch, a tag or a commit");

    private static string Address(string text) =>
        text is "*" or "localhost" || System.Net.IPAddress.TryParse(text.Trim('[', ']'), out _)
            ? text.Trim('[', ']')
            : throw new FormatException("an IP address, localhost or *");

    private static string[] KeysOf(string path)
    {
        string[] keys;
        try
        {
            keys = [.. File.ReadLines(path).Select(line => line.Trim()).Where(line => line.Length > 0)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"a readable file ({e.Message})", e);
        }
        return keys.Length > 0 ? keys : throw new FormatException("a file with at least one key in it");
    }
}
