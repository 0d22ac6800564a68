using System.Text.Json;
using System.Text.RegularExpressions;
using KServePaged.TestSupport;

namespace KServePaged.EndToEnd.Tests;

/// <summary>What our files and the dashboards of others ask of Prometheus has an answer, when a real one scrapes a real server under load.</summary>
public sealed partial class PrometheusTests
{
    private const int Scrapes = 10;

    // What vLLM's own dashboard, llm-d's scheduler and the common autoscalers ask, in our words but with their metrics and functions.
    private static readonly string[] Others =
    [
        .. Quantiles("e2e_request_latency_seconds"), .. Quantiles("time_to_first_token_seconds"), .. Quantiles("time_per_output_token_seconds"),
        .. Quantiles("inter_token_latency_seconds"), .. Quantiles("request_time_per_output_token_seconds"),
        "rate(vllm:prompt_tokens_total{model_name=\"tales\"}[30s])",
        "rate(vllm:generation_tokens_total{model_name=\"tales\"}[30s])",
        "vllm:num_requests_running{model_name=\"tales\"}",
        "vllm:num_requests_waiting{model_name=\"tales\"}",
        "sum by (reason) (vllm:num_requests_waiting_by_reason)",
        "vllm:kv_cache_usage_perc{model_name=\"tales\"}",
        "vllm:gpu_cache_usage_perc{model_name=\"tales\"}",
        "vllm:cache_config_info{block_size=~\"[0-9]+\", num_gpu_blocks=~\"[0-9]+\"}",
        "sum by (le) (increase(vllm:request_prompt_tokens_bucket{model_name=\"tales\"}[30s]))",
        "sum by (le) (increase(vllm:request_generation_tokens_bucket{model_name=\"tales\"}[30s]))",
        "sum by (finished_reason) (increase(vllm:request_success_total{model_name=\"tales\"}[30s]))",
        "rate(vllm:request_queue_time_seconds_sum{model_name=\"tales\"}[30s])",
        "rate(vllm:request_prefill_time_seconds_sum{model_name=\"tales\"}[30s])",
        "rate(vllm:request_decode_time_seconds_sum{model_name=\"tales\"}[30s])",
        "rate(vllm:request_inference_time_seconds_sum{model_name=\"tales\"}[30s])",
        "rate(vllm:request_max_num_generation_tokens_sum{model_name=\"tales\"}[30s])",
        "rate(vllm:request_params_n_sum[30s]) / rate(vllm:request_params_n_count[30s])",
        "rate(vllm:request_params_max_tokens_sum[30s])",
        "rate(vllm:request_prefill_kv_computed_tokens_sum[30s])",
        "rate(vllm:iteration_tokens_total_sum[30s])",
        "rate(vllm:prefix_cache_hits_total[30s]) / rate(vllm:prefix_cache_queries_total[30s])",
        "rate(vllm:num_preemptions_total[30s])",
        "rate(vllm:prompt_tokens_by_source_total[30s])",
        "rate(vllm:prompt_tokens_cached_total[30s])",
        "rate(vllm:corrupted_requests_total[30s])",
        "rate(vllm:admission_rejections_total[30s])",
        "sum(vllm_num_requests_waiting) + sum(vllm_num_requests_running)",
        "rate(http_requests_total{handler=~\".*completions\", method=\"POST\", status=\"200\"}[30s])",
    ];

    [Fact]
    public async Task Expressions_OfDashboardRulesAndOthers_ReturnData()
    {
        await using ServerProcess server = await ServerProcess.StartAsync("--model_name=tales", "--max_num_seqs=4", "--max_queued_requests=16");
        await using PrometheusProcess prometheus = await PrometheusProcess.StartAsync(server.Http.BaseAddress!);
        await using var load = new MetricsLoad(server);
        await prometheus.WaitAsync("count_over_time(vllm:num_requests_running[1m])", count => count >= Scrapes);

        List<string> empty = [];
        string[] dashboard = [.. DashboardExpressions()];
        IReadOnlyList<(string Name, string Expression)> rules = await prometheus.RulesAsync();
        foreach (string expression in dashboard.Concat(Others).Concat(rules.Select(rule => AlwaysAnswering(rule.Expression))))
        {
            double[] values = await prometheus.QueryAsync(expression);
            if (!values.Any(double.IsFinite))
            {
                empty.Add(expression);
            }
        }
        Assert.Empty(empty);
        Assert.True(dashboard.Length > 30 && rules.Count > 15, "the expressions were not found");
        double[] cost = await prometheus.QueryAsync("avg_over_time(scrape_duration_seconds[1m])");
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{dashboard.Length} of the dashboard, {Others.Length} of others, {rules.Count} of rules; a scrape under load took {cost[0] * 1000:0.0} ms on average");
    }

    [Fact]
    public async Task Page_WhenPromtoolReadsIt_IsValidButForTheNamesThatWeTookOver()
    {
        await using ServerProcess server = await ServerProcess.StartAsync("--model_name=tales");
        await MetricsLoad.CompleteAsync(server, 0, 0, TestContext.Current.CancellationToken);
        string[] advice = await PrometheusProcess.CheckAsync(await server.Http.GetStringAsync("/metrics", TestContext.Current.CancellationToken));
        Assert.DoesNotContain(advice, line => !line.StartsWith("vllm:", StringComparison.Ordinal) && !line.StartsWith("vllm_", StringComparison.Ordinal));
    }

    private static IEnumerable<string> DashboardExpressions()
    {
        string path = Path.Combine(Repository.Root, "kserve", "dashboards", "kservepaged.json");
        using JsonDocument dashboard = JsonDocument.Parse(File.ReadAllText(path));
        foreach (JsonElement panel in dashboard.RootElement.GetProperty("panels").EnumerateArray())
        {
            if (panel.TryGetProperty("targets", out JsonElement targets))
            {
                foreach (JsonElement target in targets.EnumerateArray())
                {
                    string expression = target.GetProperty("expr").GetString()!; // always there
                    yield return expression.Replace("$__rate_interval", "30s", StringComparison.Ordinal)
                        .Replace("$namespace", "models", StringComparison.Ordinal).Replace("$model", "tales", StringComparison.Ordinal);
                }
            }
        }
    }

    /// <summary>An alert's expression is empty while all is well; asked with bool, its comparisons answer 0 or 1, provided that their series are there.</summary>
    private static string AlwaysAnswering(string expression) => Comparison().Replace(expression, " $1 bool ");

    private static IEnumerable<string> Quantiles(string name) => new[] { "0.5", "0.9", "0.95", "0.99" }
        .Select(quantile => $"histogram_quantile({quantile}, sum by (le) (rate(vllm:{name}_bucket{{model_name=\"tales\"}}[30s])))")
        .Append($"rate(vllm:{name}_sum{{model_name=\"tales\"}}[30s]) / rate(vllm:{name}_count{{model_name=\"tales\"}}[30s])");

    [GeneratedRegex(" (==|>|<) ")]
    private static partial Regex Comparison();
}
