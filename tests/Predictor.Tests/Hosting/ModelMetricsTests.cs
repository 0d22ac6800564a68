using KServePaged.Engine;
using KServePaged.Engine.Configuration;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Hosting;

public sealed class ModelMetricsTests
{
    [Fact]
    public async Task Metrics_WhileAModelLoads_TellStageBytesAndTime()
    {
        await using var engine = new ScriptedEngine();
        var reported = new TaskCompletionSource();
        var goOn = new TaskCompletionSource();
        await using ServerUnderTest server = await ServerUnderTest.StartLoadingAsync(
            async (_, progress, _, _) =>
            {
                progress!.Report(new LoadProgress("weights", 0, 1000));
                progress.Report(new LoadProgress("weights", 250, 1000));
                reported.SetResult();
                await goOn.Task;
                return (ILlmEngine)engine;
            },
            Named,
            engine);
        await reported.Task;

        string loading = await server.Http.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        goOn.SetResult();
        await server.WaitForAsync(health => health.Ready);
        string ready = await server.Http.GetStringAsync("/metrics", TestContext.Current.CancellationToken);

        Assert.Contains("\nkservepaged_model_ready{model_name=\"staged\"} 0\n", loading, StringComparison.Ordinal);
        Assert.Contains("\nkservepaged_load_done_bytes{model_name=\"staged\"} 250\n", loading, StringComparison.Ordinal);
        Assert.Contains("\nkservepaged_load_size_bytes{model_name=\"staged\"} 1000\n", loading, StringComparison.Ordinal);
        Assert.True(ValueOf(loading, "kservepaged_load_duration_seconds{model_name=\"staged\"}") > 0);
        Assert.True(ValueOf(loading, "kservepaged_load_eta_seconds{model_name=\"staged\"}") > 0);
        Assert.Equal(["weights"], StagesOf(loading));
        Assert.Equal(["ready"], StagesOf(ready));
        Assert.Contains("\nkservepaged_model_ready{model_name=\"staged\"} 1\n", ready, StringComparison.Ordinal);
        Assert.Contains("\nkservepaged_load_eta_seconds{model_name=\"staged\"} 0\n", ready, StringComparison.Ordinal);
    }

    /// <summary>Exactly one stage is 1, whatever happens to a model; a stage that the list lacks would leave none.</summary>
    [Fact]
    public async Task Stage_InEveryStateOfAModel_IsOne()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(Named);
        HealthState health = server.Repository.Models[0].Health;
        foreach ((Action change, string stage) in new (Action, string)[]
        {
            (health.Draining, "draining"),
            (health.Unloading, "unloading"),
            (() => health.Unloaded(), "unloaded"),
            (health.Waiting, "waiting"),
            (() => health.Loading(new LoadProgress("download", 0, 5)), "download"),
            (() => health.Loading(new LoadProgress("tokenizer", 0, 0)), "tokenizer"),
            (() => health.Loading(new LoadProgress("config", 0, 0)), "config"),
            (() => health.Loading(new LoadProgress("weights", 0, 5)), "weights"),
            (() => health.Loading(new LoadProgress("cache", 5, 5)), "cache"),
            (() => health.Loading(new LoadProgress("warmup", 0, 0)), "warmup"),
            (() => health.Failed("broken"), "failed"),
        })
        {
            change();
            Assert.Equal([stage], StagesOf(await server.Http.GetStringAsync("/metrics", TestContext.Current.CancellationToken)));
        }
    }

    // A name of its own: the page of a test server also shows what the servers of other tests measure.
    private static ServerOptions Named(ServerOptions options) => options with { ModelNames = ["staged"] };

    private static IEnumerable<string> StagesOf(string page) =>
        from line in page.Split('\n')
        where line.StartsWith("kservepaged_model_stage{model_name=\"staged\",", StringComparison.Ordinal) && line.EndsWith("} 1", StringComparison.Ordinal)
        select line.Split('"')[3];

    private static double ValueOf(string page, string series) => double.Parse(
        page.Split('\n').Single(line => line.StartsWith(series, StringComparison.Ordinal))[(series.Length + 1)..], System.Globalization.CultureInfo.InvariantCulture);
}
