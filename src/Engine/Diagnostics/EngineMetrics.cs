using System.Diagnostics.Metrics;
using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;

namespace KServePaged.Engine.Diagnostics;

/// <summary>
/// The engine's instruments, under the names and with the buckets of vLLM's metrics, which dashboards and autoscalers read; finer buckets lie
/// below where a fast machine would see only the first. Units are in the names. One Meter for each engine, with the tags <c>model_name</c> and
/// <c>engine</c>. "Request" means one output, as it does there: a request for n outputs counts n times, but for <c>request_params_n</c> and
/// <c>request_max_num_generation_tokens</c>.
/// </summary>
/// <remarks>
/// Conservation, after every step: running + waiting = requests_admitted - request_success; prompt_tokens = local_compute + local_cache_hit;
/// step_tokens{decode} = generation_tokens less one for each first token. Once nothing runs, step_tokens{prefill} =
/// request_prefill_kv_computed_tokens. (A row whose logits are no numbers was computed and generated nothing: corrupted_requests.)
/// </remarks>
internal sealed class EngineMetrics : IDisposable
{
    public const string MeterName = "KServePaged.Engine";

    private static readonly double[] FirstTokenBuckets =
    [
        0.001, 0.0025, 0.005, 0.0075, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
    ];

    private static readonly double[] TokenBuckets =
    [
        0.0005, 0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40,
        80,
    ];

    private static readonly double[] RequestBuckets =
    [
        0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
    ];

    private static readonly double[] IterationBuckets = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];

    private static readonly double[] StepBuckets =
    [
        0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2.5, 10,
    ];

    private static readonly double[] OutputCountBuckets = [1, 2, 5, 10, 20];

    private static readonly KeyValuePair<string, object?> Computed = new("source", "local_compute");
    private static readonly KeyValuePair<string, object?> CacheHit = new("source", "local_cache_hit");
    private static readonly KeyValuePair<string, object?> QueueFull = new("reason", "max_num_queued_reqs");
    private static readonly KeyValuePair<string, object?>[] Reasons =
        [.. Enum.GetValues<FinishReason>().Select(reason => new KeyValuePair<string, object?>("finished_reason", NameOf(reason)))];

    private readonly Meter _meter;
    private readonly Counter<long> _promptTokens;
    private readonly Counter<long> _promptTokensBySource;
    private readonly Counter<long> _promptTokensCached;
    private readonly Counter<long> _generationTokens;
    private readonly Counter<long> _cacheQueries;
    private readonly Counter<long> _cacheHits;
    private readonly Counter<long> _preemptions;
    private readonly Counter<long> _admitted;
    private readonly Counter<long> _success;
    private readonly Counter<long> _corrupted;
    private readonly Counter<long> _rejections;
    private readonly Histogram<double> _firstToken;
    private readonly Histogram<double> _interToken;
    private readonly Histogram<double> _interTokenOldName;
    private readonly Histogram<double> _timePerToken;
    private readonly Histogram<double> _endToEnd;
    private readonly Histogram<double> _queue;
    private readonly Histogram<double> _prefill;
    private readonly Histogram<double> _decode;
    private readonly Histogram<double> _inference;
    private readonly Histogram<long> _requestPromptTokens;
    private readonly Histogram<long> _requestPrefillComputed;
    private readonly Histogram<long> _requestGenerationTokens;
    private readonly Histogram<long> _requestMaxGenerationTokens;
    private readonly Histogram<long> _paramsMaxTokens;
    private readonly Histogram<long> _paramsOutputCount;
    private readonly Histogram<long> _iterationTokens;
    private readonly Histogram<double> _stepDuration;

    /// <param name="modelName">Value of the meter's tag.</param>
    /// <param name="maxModelLength">Bounds the buckets that count tokens.</param>
    public EngineMetrics(string modelName, int maxModelLength)
    {
        _meter = new Meter(MeterName, version: null, tags: [new("engine", "0"), new("model_name", modelName)]);
        _promptTokens = _meter.CreateCounter<long>("vllm:prompt_tokens", null, "Prompt tokens whose prefill is complete.");
        _promptTokensBySource = _meter.CreateCounter<long>("vllm:prompt_tokens_by_source", null, "Prompt tokens by where they came from.");
        _promptTokensCached = _meter.CreateCounter<long>("vllm:prompt_tokens_cached", null, "Prompt tokens found in the prefix cache.");
        _generationTokens = _meter.CreateCounter<long>("vllm:generation_tokens", null, "Tokens generated.");
        _cacheQueries = _meter.CreateCounter<long>("vllm:prefix_cache_queries", null, "Prompt tokens looked up in the prefix cache, once a request.");
        _cacheHits = _meter.CreateCounter<long>("vllm:prefix_cache_hits", null, "Prompt tokens found in the prefix cache.");
        _preemptions = _meter.CreateCounter<long>("vllm:num_preemptions", null, "Times that a running request lost its cache blocks.");
        _admitted = _meter.CreateCounter<long>("kservepaged_requests_admitted", null, "Requests that the engine took in.");
        _success = _meter.CreateCounter<long>("vllm:request_success", null, "Requests that ended, by reason.");
        _corrupted = _meter.CreateCounter<long>("vllm:corrupted_requests", null, "Requests that ended because their logits were no numbers.");
        _rejections = _meter.CreateCounter<long>("vllm:admission_rejections", null, "Requests refused because the queue was full.");
        _firstToken = Seconds("vllm:time_to_first_token_seconds", "From arrival at the server to the first token.", FirstTokenBuckets);
        _interToken = Seconds("vllm:inter_token_latency_seconds", "Between two tokens of a request.", TokenBuckets);
        _interTokenOldName = Seconds("vllm:time_per_output_token_seconds", "The same as inter_token_latency_seconds, under its former name.", TokenBuckets);
        _timePerToken = Seconds("vllm:request_time_per_output_token_seconds", "Mean time between the tokens of a request.", TokenBuckets);
        _endToEnd = Seconds("vllm:e2e_request_latency_seconds", "From arrival to the end of a request.", RequestBuckets);
        _queue = Seconds("vllm:request_queue_time_seconds", "From acceptance to the first step.", RequestBuckets);
        _prefill = Seconds("vllm:request_prefill_time_seconds", "From the first step to the first token.", RequestBuckets);
        _decode = Seconds("vllm:request_decode_time_seconds", "From the first to the last token.", RequestBuckets);
        _inference = Seconds("vllm:request_inference_time_seconds", "From the first step to the last token.", RequestBuckets);
        double[] tokens = TokenCountBuckets(maxModelLength);
        _requestPromptTokens = Counts("vllm:request_prompt_tokens", "Prompt tokens of a request.", tokens);
        _requestPrefillComputed = Counts("vllm:request_prefill_kv_computed_tokens", "Prompt tokens of a request that were computed, not found.", tokens);
        _requestGenerationTokens = Counts("vllm:request_generation_tokens", "Generated tokens of a request.", tokens);
        _requestMaxGenerationTokens = Counts("vllm:request_max_num_generation_tokens", "Tokens of the longest of n outputs.", tokens);
        _paramsMaxTokens = Counts("vllm:request_params_max_tokens", "Tokens that a request might generate.", tokens);
        _paramsOutputCount = Counts("vllm:request_params_n", "Outputs asked for.", OutputCountBuckets);
        _iterationTokens = Counts("vllm:iteration_tokens_total", "Tokens computed in a step.", IterationBuckets);
        _stepDuration = Seconds("kservepaged_step_duration_seconds", "Time of a step.", StepBuckets);
        ShowTaggedSeries();
    }

    /// <summary>Publishes what is read from the engine's snapshots when somebody collects.</summary>
    public void Observe(Func<EngineStatistics> statistics, Func<StepLedger> ledger, TimeProvider clock)
    {
        _meter.CreateObservableGauge("vllm:num_requests_running", () => statistics().RunningSequences, null, "Requests in the running batch.");
        _meter.CreateObservableGauge("vllm:num_requests_waiting", () => statistics().WaitingSequences, null, "Requests waiting for their turn.");
        _meter.CreateObservableGauge("kservepaged_queued_tokens", () => statistics().PendingTokens, null, "Prompt tokens that wait to be computed.");
        _meter.CreateObservableGauge("kservepaged_work_seconds", () => statistics().WorkSeconds, null, "How long the queued tokens take at the rate of late.");
        _meter.CreateObservableGauge(
            "kservepaged_predicted_ttft_seconds", () => statistics().FirstTokenSeconds, null, "What a request of usual length that arrives now waits for its first token.");
        _meter.CreateObservableGauge("vllm:kv_cache_usage_perc", () => Usage(statistics()), null, "Cache blocks in use, as a fraction of 1.");
        _meter.CreateObservableGauge("vllm:gpu_cache_usage_perc", () => Usage(statistics()), null, "The same as kv_cache_usage_perc, under its former name.");
        LedgerMetrics.Steps(_meter, ledger);
        LedgerMetrics.Queue(_meter, statistics, ledger, clock);
        LedgerMetrics.Cache(_meter, statistics);
    }

    /// <summary>Publishes what never changes: the shapes of cache and model as the labels of gauges that are always 1, the limits, and where the memory went.</summary>
    public void Describe(ModelInfo model, EngineOptions options, IReadOnlyList<(string Part, long Bytes)> memory)
    {
        Info("vllm:cache_config_info", "Shape of the KV cache.", [
            new("block_size", model.BlockTokens), new("num_gpu_blocks", model.BlockCount),
            new("enable_prefix_caching", options.EnablePrefixCaching ? "True" : "False"), new("gpu_memory_utilization", options.MemoryFraction)]);
        Info("kservepaged_model_info", "The loaded model.", [
            new("architecture", model.Architecture), new("dtype", model.DType), new("max_model_len", model.MaxModelLength),
            new("parameters", model.ParameterCount)]);
        _meter.CreateObservableGauge("kservepaged_running_limit", () => options.MaxSequences, null, "Most requests that run together.");
        _meter.CreateObservableGauge("kservepaged_queue_limit", () => options.MaxQueuedRequests, null, "Most requests that may wait; more are refused.");
        LedgerMetrics.Memory(_meter, memory);
    }

    /// <summary>Whether an instrument that a listener meets belongs to this engine.</summary>
    public bool Owns(Instrument instrument) => instrument.Meter == _meter;

    public void Step(int tokens, double seconds)
    {
        _iterationTokens.Record(tokens);
        _stepDuration.Record(seconds);
    }

    /// <summary>An output entered the scheduler.</summary>
    public void Admitted() => _admitted.Add(1);

    /// <summary>An output is about to end because its logits are no numbers.</summary>
    public void Corrupted() => _corrupted.Add(1);

    public void Preempted(long count) => _preemptions.Add(count);

    public void Rejected() => _rejections.Add(1, QueueFull);

    public void Scheduled(double queueSeconds, int promptTokens, int cachedTokens)
    {
        _queue.Record(queueSeconds);
        _cacheQueries.Add(promptTokens);
        _cacheHits.Add(cachedTokens);
    }

    /// <param name="cachedTokens">Prompt tokens that were never computed for this output.</param>
    public void FirstToken(double sinceArrivalSeconds, double prefillSeconds, int promptTokens, int cachedTokens)
    {
        _firstToken.Record(sinceArrivalSeconds);
        _prefill.Record(prefillSeconds);
        _promptTokens.Add(promptTokens);
        _promptTokensBySource.Add(promptTokens - cachedTokens, Computed);
        _promptTokensBySource.Add(cachedTokens, CacheHit);
        _promptTokensCached.Add(cachedTokens);
        _generationTokens.Add(1);
    }

    public void NextToken(double sinceLastSeconds)
    {
        _interToken.Record(sinceLastSeconds);
        _interTokenOldName.Record(sinceLastSeconds);
        _generationTokens.Add(1);
    }

    /// <summary>An output ended, for whatever reason.</summary>
    public void Ended(FinishReason reason, double sinceArrivalSeconds, int promptTokens, int computedPromptTokens, int outputTokens, int maxOutputTokens)
    {
        _success.Add(1, Reasons[(int)reason]);
        _endToEnd.Record(sinceArrivalSeconds);
        _requestPromptTokens.Record(promptTokens);
        _requestPrefillComputed.Record(computedPromptTokens);
        _requestGenerationTokens.Record(outputTokens);
        _paramsMaxTokens.Record(maxOutputTokens);
    }

    /// <summary>The times of an ended output that got at least one token.</summary>
    public void Generated(double decodeSeconds, double inferenceSeconds, int outputTokens)
    {
        _decode.Record(decodeSeconds);
        _inference.Record(inferenceSeconds);
        if (outputTokens > 1)
        {
            _timePerToken.Record(decodeSeconds / (outputTokens - 1));
        }
    }

    public void RequestEnded(int outputCount, int longestOutput)
    {
        _paramsOutputCount.Record(outputCount);
        _requestMaxGenerationTokens.Record(longestOutput);
    }

    public void Dispose() => _meter.Dispose();

    // A series that nothing has happened to yet is 0, not absent: rates and alerts need the first sample.
    private void ShowTaggedSeries()
    {
        foreach (KeyValuePair<string, object?> reason in Reasons)
        {
            _success.Add(0, reason);
        }
        _promptTokensBySource.Add(0, Computed);
        _promptTokensBySource.Add(0, CacheHit);
        _rejections.Add(0, QueueFull);
    }

    private static double Usage(in EngineStatistics statistics) => (double)statistics.UsedBlocks / statistics.TotalBlocks;

    private static string NameOf(FinishReason reason) => reason switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        FinishReason.Abort => "abort",
        FinishReason.Error => "error",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "a finish reason without a name"),
    };

    // 1, 2, 5, 10, 20, 50 … up to the longest possible.
    private static double[] TokenCountBuckets(int most)
    {
        List<double> buckets = [];
        for (long decade = 1; decade <= most; decade *= 10)
        {
            buckets.AddRange(new[] { decade, 2 * decade, 5 * decade }.Where(bound => bound <= most).Select(bound => (double)bound));
        }
        return [.. buckets];
    }

    private void Info(string name, string description, IEnumerable<KeyValuePair<string, object?>> labels) =>
        _meter.CreateObservableGauge(name, () => 1, null, description, labels);

    private Histogram<double> Seconds(string name, string description, double[] buckets) =>
        _meter.CreateHistogram(name, "s", description, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = buckets });

    private Histogram<long> Counts(string name, string description, double[] buckets) => _meter.CreateHistogram(
        name, null, description, tags: null, new InstrumentAdvice<long> { HistogramBucketBoundaries = [.. buckets.Select(bound => (long)bound)] });
}
