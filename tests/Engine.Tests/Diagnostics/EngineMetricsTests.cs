using System.Diagnostics.Metrics;
using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Core;
using KServePaged.Engine.Diagnostics;
using KServePaged.Engine.Scheduling;
using KServePaged.Engine.Tests.Core;

namespace KServePaged.Engine.Tests.Diagnostics;

public sealed class EngineMetricsTests
{
    [Fact]
    public void Histograms_NotePhasesFromArrivalToTheLastToken()
    {
        using var rig = new CoreRig();
        using var seen = new Recorder(rig);
        rig.Submit(CoreRig.Prompt(6), 3);
        rig.Clock.Advance(TimeSpan.FromSeconds(1));
        rig.Model.BeforeStep = _ => rig.Clock.Advance(TimeSpan.FromSeconds(2));
        rig.RunToEnd();
        Assert.Equal([1], seen["vllm:request_queue_time_seconds"]);
        Assert.Equal([2], seen["vllm:request_prefill_time_seconds"]);
        Assert.Equal([3], seen["vllm:time_to_first_token_seconds"]);
        Assert.Equal([2, 2], seen["vllm:inter_token_latency_seconds"]);
        Assert.Equal([4], seen["vllm:request_decode_time_seconds"]);
        Assert.Equal([2], seen["vllm:request_time_per_output_token_seconds"]);
        Assert.Equal([6], seen["vllm:request_inference_time_seconds"]);
        Assert.Equal([7], seen["vllm:e2e_request_latency_seconds"]);
        Assert.Equal([6], seen["vllm:request_prompt_tokens"]);
        Assert.Equal([3], seen["vllm:request_generation_tokens"]);
        Assert.Equal([3], seen["vllm:request_params_max_tokens"]);
        Assert.Equal([6, 1, 1], seen["vllm:iteration_tokens_total"]);
        Assert.Equal([1], seen["vllm:request_success{length}"]);
        Assert.Equal([2, 2], seen["vllm:time_per_output_token_seconds"]);
        Assert.Equal([6], seen["vllm:request_prefill_kv_computed_tokens"]);
        Assert.Equal([2, 2, 2], seen["kservepaged_step_duration_seconds"]);
        Assert.Equal([1], seen["kservepaged_requests_admitted"]);
        seen.Collect();
        Assert.Equal([0], seen["kservepaged_step_seconds{schedule}"]);
        Assert.Equal([6], seen["kservepaged_step_seconds{execute}"]);
        Assert.Equal([0], seen["kservepaged_step_seconds{publish}"]);
        Assert.Equal([6], seen["kservepaged_step_tokens{prefill}"]);
        Assert.Equal([2], seen["kservepaged_step_tokens{decode}"]);
        Assert.Equal([0], seen["kservepaged_step_tokens{recomputed}"]);
    }

    [Fact]
    public void Gauges_FollowTheCore()
    {
        using var rig = new CoreRig(blockCount: 8, limits: new SchedulingLimits(1, 100, 8));
        using var seen = new Recorder(rig);
        rig.Submit(CoreRig.Prompt(6), 3, outputs: 2);
        rig.Model.BeforeStep = _ => rig.Clock.Advance(TimeSpan.FromSeconds(2));
        rig.Core.Step();
        rig.Clock.Advance(TimeSpan.FromSeconds(3));
        seen.Collect();
        Assert.Equal([1], seen["vllm:num_requests_running"]);
        Assert.Equal([1], seen["vllm:num_requests_waiting"]);
        Assert.Equal([1], seen["vllm:num_requests_waiting_by_reason{capacity}"]); // its prompt is computed by now, but only one may run
        Assert.Equal([0], seen["vllm:num_requests_waiting_by_reason{deferred}"]);
        Assert.Equal([5], seen["kservepaged_queue_longest_wait_seconds"]);
        Assert.Equal([0.25], seen["vllm:kv_cache_usage_perc"]);
        Assert.Equal([0.25], seen["vllm:gpu_cache_usage_perc"]);
        Assert.Equal([2], seen["kservepaged_kv_blocks{used}"]);
        Assert.Equal([6], seen["kservepaged_kv_blocks{free}"]);
        Assert.Equal([1], seen["kservepaged_prefix_cache_blocks"]);
    }

    [Fact]
    public void Waiting_WhileAnotherOutputComputesThePrompt_IsDeferred()
    {
        using var rig = new CoreRig(limits: new SchedulingLimits(8, 4, 8));
        using var seen = new Recorder(rig);
        rig.Submit(CoreRig.Prompt(6), 3, outputs: 3);
        rig.Core.Step();
        seen.Collect();
        Assert.Equal([0], seen["vllm:num_requests_waiting_by_reason{capacity}"]);
        Assert.Equal([2], seen["vllm:num_requests_waiting_by_reason{deferred}"]);
    }

    [Fact]
    public void Memory_IsShownByPart()
    {
        using var rig = new CoreRig();
        using var seen = new Recorder(rig);
        rig.Metrics.Describe(
            new ModelInfo
            {
                Path = "",
                Architecture = "A",
                VocabularySize = 1,
                MaxModelLength = 1,
                DType = "float32",
                ParameterCount = 1,
                HasTokenizer = false,
                HasChatTemplate = false,
                BlockTokens = 16,
                BlockCount = 7,
                MemoryBytes = 5,
            },
            new EngineOptions { ModelPath = "" },
            [("weights", 3), ("cache", 2)]);
        seen.Collect();
        Assert.Equal([3], seen["kservepaged_memory_bytes{weights}"]);
        Assert.Equal([2], seen["kservepaged_memory_bytes{cache}"]);
        Assert.Equal([1], seen["vllm:cache_config_info"]);
        Assert.Equal([1], seen["kservepaged_model_info"]);
        Assert.Equal([128], seen["kservepaged_running_limit"]);
    }

    /// <summary>Nothing is lost or counted twice, whatever happens: preemption, cache hits, aborts, deadlines, failing rows.</summary>
    [Fact]
    public void Counters_AfterAnyMixOfEnds_ObeyTheConservationLaws()
    {
        double recomputed = 0;
        double corrupted = 0;
        for (int seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            using var rig = new CoreRig(blockCount: 14, limits: new SchedulingLimits(random.Next(1, 6), random.Next(1, 30), 6));
            using var seen = new Recorder(rig);
            rig.Model.Choose = (sequence, hash) => hash % 50 == 0 ? -1 : (int)(hash % CoreRig.Vocabulary);
            double Sum(string name) => seen[name].Sum();
            double Ended() => new[] { "stop", "length", "abort", "error" }.Sum(reason => Sum($"vllm:request_success{{{reason}}}"));
            void AfterStep()
            {
                EngineStatistics now = rig.Core.Statistics;
                StepLedger ledger = rig.Core.Ledger;
                Assert.Equal(Sum("kservepaged_requests_admitted") - Ended(), now.RunningSequences + now.WaitingSequences);
                Assert.Equal(Sum("vllm:iteration_tokens_total"), ledger.PrefillTokens + ledger.DecodeTokens + ledger.RecomputedTokens);
                // Each generated token is computed by the step after it, the last of an output by none; a corrupted row generates none.
                long decodes = seen["vllm:inter_token_latency_seconds"].Count;
                Assert.InRange(ledger.DecodeTokens, decodes, decodes + (long)Sum("vllm:corrupted_requests"));
                Assert.InRange(ledger.DeferredSequences, 0, now.WaitingSequences);
                Assert.True(ledger.PrefillTokens >= Sum("vllm:prompt_tokens_by_source{local_compute}"));
            }
            (int accepted, int requests, int generated) = RunTraffic(rig, random, AfterStep);

            StepLedger steps = rig.Core.Ledger;
            recomputed += steps.RecomputedTokens;
            corrupted += Sum("vllm:corrupted_requests");
            Assert.Equal(accepted, Sum("kservepaged_requests_admitted"));
            Assert.Equal(Sum("vllm:request_success{error}"), Sum("vllm:corrupted_requests"));
            Assert.Equal(steps.PrefillTokens, Sum("vllm:request_prefill_kv_computed_tokens"));
            Assert.Equal(accepted, seen["vllm:request_prefill_kv_computed_tokens"].Count);
            Assert.Equal(accepted, seen["vllm:e2e_request_latency_seconds"].Count);
            Assert.Equal(accepted, seen["vllm:request_prompt_tokens"].Count);
            Assert.Equal(accepted, seen["vllm:request_generation_tokens"].Count);
            Assert.Equal(accepted, seen["vllm:request_params_max_tokens"].Count);
            Assert.Equal(seen["vllm:time_to_first_token_seconds"].Count, seen["vllm:request_prefill_time_seconds"].Count);
            Assert.Equal(seen["vllm:time_to_first_token_seconds"].Count, seen["vllm:request_decode_time_seconds"].Count);
            Assert.Equal(seen["vllm:time_to_first_token_seconds"].Count, seen["vllm:request_inference_time_seconds"].Count);
            Assert.Equal(seen["vllm:iteration_tokens_total"].Count, seen["kservepaged_step_duration_seconds"].Count);
            Assert.Equal(seen["kservepaged_step_duration_seconds"].Sum(), steps.TotalSeconds, 9);
            Assert.Equal(0, rig.Cache.Pool.UsedCount);
            Assert.Equal(default, rig.Core.Statistics with { TotalBlocks = 0, CachedBlocks = 0 });
            Assert.Equal(accepted, Ended());
            Assert.Equal(requests, seen["vllm:request_params_n"].Count);
            Assert.Equal(accepted, Sum("vllm:request_params_n"));
            Assert.Equal(Sum("vllm:prompt_tokens"), Sum("vllm:prompt_tokens_by_source{local_compute}") + Sum("vllm:prompt_tokens_by_source{local_cache_hit}"));
            Assert.Equal(Sum("vllm:prompt_tokens_cached"), Sum("vllm:prompt_tokens_by_source{local_cache_hit}"));
            Assert.True(Sum("vllm:prefix_cache_hits") <= Sum("vllm:prefix_cache_queries"));
            Assert.Equal(generated, Sum("vllm:generation_tokens"));
            Assert.Equal(generated, Sum("vllm:request_generation_tokens"));
            Assert.Equal(seen["vllm:time_to_first_token_seconds"].Count + seen["vllm:inter_token_latency_seconds"].Count, generated);
        }
        Assert.True(recomputed > 0 && corrupted > 0, "the traffic is too tame: nothing was computed twice, or no row failed");
    }

    private static (int Accepted, int Requests, int Generated) RunTraffic(CoreRig rig, Random random, Action afterStep)
    {
        List<CoreRequest> all = [];
        int accepted = 0;
        for (int left = 12; left > 0 || rig.Core.Statistics.RunningSequences + rig.Core.Statistics.WaitingSequences > 0;)
        {
            if (left > 0 && random.Next(3) == 0)
            {
                left--;
                int outputs = random.Next(1, 4);
                TimeSpan? timeout = random.Next(4) == 0 ? TimeSpan.FromSeconds(random.Next(1, 9)) : null;
                all.Add(rig.Submit(CoreRig.Prompt(random.Next(1, 24), random.Next(3)), random.Next(1, 24), outputs, 5, timeout: timeout));
                accepted += outputs;
            }
            if (all.Count > 0 && random.Next(12) == 0)
            {
                CoreRequest one = all[random.Next(all.Count)];
                rig.Inbox.End(new RequestEnding(one, random.Next(2) == 0 ? null : 0, random.Next(2) == 0 ? FinishReason.Abort : FinishReason.Stop));
            }
            rig.Clock.Advance(TimeSpan.FromSeconds(0.3));
            rig.Core.Step();
            afterStep();
        }
        rig.Core.Step();
        afterStep();
        return (accepted, all.Count, all.Sum(request => request.Sequences.Sum(sequence => sequence.OutputLength)));
    }

    /// <summary>Collects what one rig's meter reports, by instrument and first tag value.</summary>
    private sealed class Recorder : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly Dictionary<string, List<double>> _values = [];

        public Recorder(CoreRig rig)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (rig.Metrics.Owns(instrument))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.Start();
        }

        public List<double> this[string name] => _values.GetValueOrDefault(name, []);

        public void Collect() => _listener.RecordObservableInstruments();

        public void Dispose() => _listener.Dispose();

        private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            string key = tags.IsEmpty ? instrument.Name : $"{instrument.Name}{{{tags[0].Value}}}";
            if (!_values.TryGetValue(key, out List<double>? values))
            {
                _values[key] = values = [];
            }
            values.Add(value);
        }
    }
}
