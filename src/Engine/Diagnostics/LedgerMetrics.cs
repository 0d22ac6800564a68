using System.Diagnostics.Metrics;
using KServePaged.Engine.Contracts;

namespace KServePaged.Engine.Diagnostics;

/// <summary>
/// The instruments that are read from snapshots when somebody collects, so that a step neither allocates nor waits for them: the ledgers of
/// steps, queue, cache and memory.
/// </summary>
internal static class LedgerMetrics
{
    public static void Steps(Meter meter, Func<StepLedger> ledger)
    {
        meter.CreateObservableCounter<double>(
            "kservepaged_step_seconds",
            () =>
            {
                StepLedger now = ledger();
                return [Of(now.ScheduleSeconds, "part", "schedule"), Of(now.ExecuteSeconds, "part", "execute"), Of(now.PublishSeconds, "part", "publish")];
            },
            null,
            "Time that steps took, by part; its rate is the share of time in which the engine works.");
        meter.CreateObservableCounter<long>(
            "kservepaged_step_tokens",
            () =>
            {
                StepLedger now = ledger();
                return [Of(now.PrefillTokens, "kind", "prefill"), Of(now.DecodeTokens, "kind", "decode"), Of(now.RecomputedTokens, "kind", "recomputed")];
            },
            null,
            "Tokens computed in steps, by kind; recomputed = lost in a preemption before.");
    }

    public static void Queue(Meter meter, Func<EngineStatistics> statistics, Func<StepLedger> ledger, TimeProvider clock)
    {
        meter.CreateObservableGauge<int>(
            "vllm:num_requests_waiting_by_reason",
            () =>
            {
                int deferred = ledger().DeferredSequences;
                return [Of(Math.Max(0, statistics().WaitingSequences - deferred), "reason", "capacity"), Of(deferred, "reason", "deferred")];
            },
            null,
            "Requests waiting for room, or for another output of the same prompt.");
        meter.CreateObservableGauge(
            "kservepaged_queue_longest_wait_seconds",
            () => ledger().OldestQueuedAt is { } since ? Math.Max(0, clock.GetElapsedTime(since).TotalSeconds) : 0,
            null,
            "How long the request that waits longest for its first step has waited.");
    }

    public static void Cache(Meter meter, Func<EngineStatistics> statistics)
    {
        meter.CreateObservableGauge<int>(
            "kservepaged_kv_blocks",
            () =>
            {
                EngineStatistics now = statistics();
                return [Of(now.UsedBlocks, "state", "used"), Of(now.TotalBlocks - now.UsedBlocks, "state", "free")];
            },
            null,
            "Blocks of the KV cache.");
        meter.CreateObservableGauge(
            "kservepaged_prefix_cache_blocks", () => statistics().CachedBlocks, null, "Blocks whose content a later prompt can find, used or free.");
    }

    public static void Memory(Meter meter, IReadOnlyList<(string Part, long Bytes)> parts) => meter.CreateObservableGauge<long>(
        "kservepaged_memory_bytes",
        () => parts.Select(entry => Of(entry.Bytes, "part", entry.Part)),
        null,
        "What the engine takes of the device's memory, by part.");

    private static Measurement<T> Of<T>(T value, string label, string name)
        where T : struct => new(value, new KeyValuePair<string, object?>(label, name));
}
