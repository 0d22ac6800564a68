using System.Diagnostics.Metrics;
using KServePaged.Predictor.Telemetry;

namespace KServePaged.Predictor.Tests.Telemetry;

public sealed class PrometheusTextTests
{
    [Fact]
    public void Write_ShowsEveryKind()
    {
        using var registry = new MetricsRegistry();
        using var meter = new Meter(new MeterOptions("KServePaged.Test.Kinds") { Tags = [new("model_name", "a\"b\\c")] });
        meter.CreateCounter<long>("kinds:tokens", description: "Tokens.").Add(3);
        meter.CreateUpDownCounter<int>("kinds:running").Add(2);
        meter.CreateObservableGauge("kinds:usage", () => 0.25);
        Histogram<double> latency = meter.CreateHistogram(
            "kinds:latency_seconds", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.5, 1] });
        latency.Record(0.5);
        latency.Record(0.75);
        latency.Record(4);
        Assert.Equal(
            """
            # HELP kinds:latency_seconds 
            # TYPE kinds:latency_seconds histogram
            kinds:latency_seconds_bucket{model_name="a\"b\\c",le="0.5"} 1
            kinds:latency_seconds_bucket{model_name="a\"b\\c",le="1"} 2
            kinds:latency_seconds_bucket{model_name="a\"b\\c",le="+Inf"} 3
            kinds:latency_seconds_sum{model_name="a\"b\\c"} 5.25
            kinds:latency_seconds_count{model_name="a\"b\\c"} 3
            # HELP kinds:running 
            # TYPE kinds:running gauge
            kinds:running{model_name="a\"b\\c"} 2
            # HELP kinds:tokens_total Tokens.
            # TYPE kinds:tokens_total counter
            kinds:tokens_total{model_name="a\"b\\c"} 3
            # HELP kinds:usage 
            # TYPE kinds:usage gauge
            kinds:usage{model_name="a\"b\\c"} 0.25
            # HELP kinds_running 
            # TYPE kinds_running gauge
            kinds_running{model_name="a\"b\\c"} 2
            # HELP kinds_usage 
            # TYPE kinds_usage gauge
            kinds_usage{model_name="a\"b\\c"} 0.25

            """,
            PrometheusText.Write(Only(registry, "kinds:")));
    }

    [Fact]
    public void Write_WhenNothingHappened_CountersAreZeroAndTaggedOnesAbsent()
    {
        using var registry = new MetricsRegistry();
        using var meter = new Meter("KServePaged.Test.Zero");
        meter.CreateCounter<long>("zero:plain");
        Counter<long> tagged = meter.CreateCounter<long>("zero:tagged");
        tagged.Add(1, new KeyValuePair<string, object?>("reason", "stop"));
        string text = PrometheusText.Write(Only(registry, "zero:"));
        Assert.Contains("zero:plain_total 0\n", text, StringComparison.Ordinal);
        Assert.Contains("zero:tagged_total{reason=\"stop\"} 1\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("zero:tagged_total 0", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Collect_WhenAnObservedSeriesIsGone_ForgetsIt()
    {
        using var registry = new MetricsRegistry();
        using var meter = new Meter("KServePaged.Test.Observed");
        string[] models = ["a", "b"];
        meter.CreateObservableGauge("observed:ready", () => models.Select(model => new Measurement<double>(0.5, new KeyValuePair<string, object?>("model", model))));
        Assert.Equal(2, Only(registry, "observed:").Single().Series.Count());
        models = ["b"];
        Assert.Equal("model=\"b\"", Only(registry, "observed:").Single().Series.Single().Labels);
    }

    [Fact]
    public void Record_OfAKnownSeries_AllocatesNothing()
    {
        using var meter = new Meter(new MeterOptions("Test.Alloc") { Tags = [new("model_name", "m")] });
        var counter = new MetricFamily(meter.CreateCounter<long>("alloc:tokens"));
        var seconds = new MetricFamily(meter.CreateHistogram<double>("alloc:seconds"));
        KeyValuePair<string, object?>[] kinds = [new("kind", "prefill"), new("kind", "decode")];
        void Use(int times)
        {
            for (int i = 0; i < times; i++)
            {
                counter.Record(1, kinds.AsSpan(i % 2, 1));
                seconds.Record(i, []);
            }
        }

        Use(1000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Use(1000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal([1000, 1000], counter.Series.Select(series => series.Read([]).Value));
    }

    [Fact]
    public void Collect_WhenAMeterIsGone_ForgetsItsSeries()
    {
        using var registry = new MetricsRegistry();
        using (var meter = new Meter("KServePaged.Test.Gone"))
        {
            meter.CreateCounter<long>("gone:events").Add(1);
            Assert.Single(Only(registry, "gone:"));
        }
        Assert.Empty(Only(registry, "gone:"));
    }

    [Fact]
    public void Record_WhenTheMeterIsForeign_IsNotSeen()
    {
        using var registry = new MetricsRegistry();
        using var meter = new Meter("Somebody.Else");
        meter.CreateCounter<long>("foreign:events").Add(1);
        Assert.Empty(Only(registry, "foreign:"));
    }

    private static List<MetricFamily> Only(MetricsRegistry registry, string prefix) =>
        [.. registry.Collect().Where(family => family.Name.StartsWith(prefix, StringComparison.Ordinal))];
}
