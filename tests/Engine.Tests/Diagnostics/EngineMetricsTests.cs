using System.Diagnostics.Metrics;
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
    }

    [Fact]
    public void Gauges_FollowTheCore()
    {
        using var rig = new CoreRig(blockCount: 8, limits: new SchedulingLimits(1, 100, 8));
        using var seen = new Recorder(rig);
        rig.Submit(CoreRig.Prompt(6), 3, outputs: 2);
        rig.Core.Step();
        seen.Collect();
        Assert.Equal([1], seen["vllm:num_requests_running"]);
        Assert.Equal([1], seen["vllm:num_requests_waiting"]);
        Assert.Equal([0.25], seen["vllm:kv_cache_usage_perc"]);
    }

    /// <summary>Nothing is lost or counted twice, whatever happens: preemption, cache hits, aborts, deadlines, failing rows.</summary>
    [Fact]
    public void Counters_AfterAnyMixOfEnds_ObeyTheConservationLaws()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            using var rig = new CoreRig(blockCount: 14, limits: new SchedulingLimits(random.Next(1, 6), random.Next(1, 30), 6));
            using var seen = new Recorder(rig);
            rig.Model.Choose = (sequence, hash) => hash % 50 == 0 ? -1 : (int)(hash % CoreRig.Vocabulary);
            (int accepted, int requests, int generated) = RunTraffic(rig, random);

            double Sum(string name) => seen[name].Sum();
            Assert.Equal(0, rig.Cache.Pool.UsedCount);
            Assert.Equal(default, rig.Core.Statistics with { TotalBlocks = 0, CachedBlocks = 0 });
            double ended = new[] { "stop", "length", "abort", "error" }.Sum(reason => Sum($"vllm:request_success{{{reason}}}"));
            Assert.Equal(accepted, ended);
            Assert.Equal(requests, seen["vllm:request_params_n"].Count);
            Assert.Equal(accepted, Sum("vllm:request_params_n"));
            Assert.Equal(Sum("vllm:prompt_tokens"), Sum("vllm:prompt_tokens_by_source{local_compute}") + Sum("vllm:prompt_tokens_by_source{local_cache_hit}"));
            Assert.Equal(Sum("vllm:prompt_tokens_cached"), Sum("vllm:prompt_tokens_by_source{local_cache_hit}"));
            Assert.True(Sum("vllm:prefix_cache_hits") <= Sum("vllm:prefix_cache_queries"));
            Assert.Equal(generated, Sum("vllm:generation_tokens"));
            Assert.Equal(generated, Sum("vllm:request_generation_tokens"));
            Assert.Equal(seen["vllm:time_to_first_token_seconds"].Count + seen["vllm:inter_token_latency_seconds"].Count, generated);
        }
    }

    private static (int Accepted, int Requests, int Generated) RunTraffic(CoreRig rig, Random random)
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
        }
        rig.Core.Step();
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
