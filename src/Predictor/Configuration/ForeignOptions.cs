namespace KServePaged.Predictor.Configuration;

/// <summary>
/// Options of vLLM and of KServe's own server that existing manifests carry. One that cannot change an answer here is taken with a
/// warning; one that selects among things is taken only with the value we implement. What would change answers stops the start.
/// </summary>
/// <param name="Allowed">The values that mean what we do anyway; null = any.</param>
/// <param name="Because">Why it has no effect.</param>
internal sealed record ForeignOption(string Name, OptionArity Arity, string[]? Allowed, string Because)
{
    private const string OneProcess = "there is one process, sized by itself";
    private const string GrpcSize = "a gRPC message may have 64 MiB";
    private const string NoCode = "code of a checkpoint is never run";

    public static IReadOnlyList<ForeignOption> All { get; } =
    [
        Any("workers", OneProcess), Any("max_threads", OneProcess), Any("max_asyncio_workers", OneProcess), Any("event_loop", OneProcess),
        Flag("enable_grpc", "gRPC is always served"),
        Any("grpc_max_send_message_length", GrpcSize), Any("grpc_max_receive_message_length", GrpcSize),
        Flag("enable_docs_url", "there is no /docs page"), Flag("enable_latency_logging", "latencies are metrics"),
        Flag("configure_logging", "logging is configured by --log_level"), Any("log_config_file", "logging is configured by --log_level"),
        Any("access_log_format", "requests are logged by --enable_log_requests, in the form of --log_format"), Any("uvicorn_log_level", "logging is configured by --log_level"),
        Any("timeout_keep_alive", "idle connections are kept for 130 s, longer than any proxy's"),
        Flag("disable_log_requests", "requests are logged with --enable_log_requests only"), Flag("disable_log_stats", "statistics are metrics"),
        Flag("trust_remote_code", NoCode), Flag("enforce_eager", "there is no graph capture"),
        Any("collect_detailed_traces", "queue, prefill and decode of a traced request are spans in any case, and there are no other modules"),
        Any("swap_space", "preempted sequences are computed again"),
        Flag("enable_request_id_headers", "X-Request-Id is always returned"),
        Flag("enable_server_load_tracking", "load is a metric"),
        Flag("enable_ssl_refresh", "a renewed certificate is always picked up"),
        Only("tensor_parallel_size", "1"), Only("pipeline_parallel_size", "1"), Only("data_parallel_size", "1"),
        Only("task", "auto", "generate", "text_generation"), Only("runner", "auto", "generate"), Only("backend", "auto"),
        Only("load_format", "auto", "safetensors"), Only("tokenizer_mode", "auto"), Only("generation_config", "auto"),
        Only("ssl_cert_reqs", "0"), Only("scheduling_policy", "fcfs"), Only("logprobs_mode", "raw_logprobs"),
        new("enable_chunked_prefill", OptionArity.Switch, ["true"], "prompts are always computed in chunks"),
    ];

    private static ForeignOption Any(string name, string because) => new(name, OptionArity.One, null, because);

    private static ForeignOption Flag(string name, string because) => new(name, OptionArity.Switch, null, because);

    private static ForeignOption Only(string name, params string[] allowed) =>
        new(name, OptionArity.One, allowed, "it is what this server does anyway");
}
