using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using KServePaged.TestSupport;

namespace KServePaged.EndToEnd.Tests;

/// <summary>A real Prometheus that scrapes a server each second, as the PodMonitor has it do in a cluster, and evaluates our rules.</summary>
internal sealed class PrometheusProcess : IAsyncDisposable
{
    private const string Program = "/usr/bin/prometheus";
    private const string Tool = "/usr/bin/promtool";

    private readonly Process _process;
    private readonly DirectoryInfo _folder;
    private readonly HttpClient _http;

    private PrometheusProcess(Process process, DirectoryInfo folder, Uri address)
    {
        _process = process;
        _folder = folder;
        _http = new HttpClient { BaseAddress = address };
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Starts it and waits until it answers; skips the calling test where it is not installed.</summary>
    public static async Task<PrometheusProcess> StartAsync(Uri target)
    {
        Assert.SkipWhen(!File.Exists(Program) || !File.Exists(Tool), "Prometheus is not installed: apt-get install prometheus");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("kservepaged-prometheus");
        string config = Path.Combine(folder.FullName, "prometheus.yml");
        await File.WriteAllTextAsync(
            config,
            $$"""
            global: {scrape_interval: 1s, evaluation_interval: 1s}
            rule_files: ["{{Path.Combine(Repository.Root, "kserve", "alerts", "kservepaged.rules.yaml")}}"]
            scrape_configs:
              - job_name: models/kservepaged
                static_configs:
                  - targets: ["{{target.Authority}}"]
                    labels: {namespace: models, pod: tales-0}
            """,
            Cancel);
        var address = new Uri($"http://127.0.0.1:{FreePort()}");
        Process process = Process.Start(new ProcessStartInfo(
            Program,
            [
                $"--config.file={config}", $"--storage.tsdb.path={Path.Combine(folder.FullName, "data")}", $"--web.listen-address={address.Authority}", "--log.level=error",
            ])
        {
            RedirectStandardError = true, // else it holds the runner's, should that be killed
            RedirectStandardOutput = true,
        })!; // a new process
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        var prometheus = new PrometheusProcess(process, folder, address);
        try
        {
            await prometheus.WaitAsync(prometheus.IsReadyAsync);
            return prometheus;
        }
        catch
        {
            await prometheus.DisposeAsync();
            throw;
        }
    }

    /// <summary>The values of an instant query, one for each series.</summary>
    public async Task<double[]> QueryAsync(string expression)
    {
        using HttpResponseMessage response = await _http.GetAsync($"/api/v1/query?query={Uri.EscapeDataString(expression)}", Cancel);
        string body = await response.Content.ReadAsStringAsync(Cancel);
        Assert.True(response.StatusCode == HttpStatusCode.OK, $"{expression}\n{body}");
        return
        [
            .. JsonDocument.Parse(body).RootElement.GetProperty("data").GetProperty("result").EnumerateArray()
                .Select(series => double.Parse(series.GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture)), // always there
        ];
    }

    /// <summary>Name and expression of every rule it has loaded.</summary>
    public async Task<IReadOnlyList<(string Name, string Expression)>> RulesAsync()
    {
        JsonElement data = JsonDocument.Parse(await _http.GetStringAsync("/api/v1/rules", Cancel)).RootElement.GetProperty("data");
        return
        [
            .. data.GetProperty("groups").EnumerateArray().SelectMany(group => group.GetProperty("rules").EnumerateArray())
                .Select(rule => (rule.GetProperty("name").GetString()!, rule.GetProperty("query").GetString()!)), // always there
        ];
    }

    /// <summary>Asks until a value satisfies, at most a minute.</summary>
    public Task WaitAsync(string expression, Func<double, bool> satisfied) => WaitAsync(async () => (await QueryAsync(expression)).Any(satisfied));

    private async Task WaitAsync(Func<Task<bool>> answers)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromMinutes(1));
        while (!await answers())
        {
            Assert.False(_process.HasExited, "Prometheus has ended");
            await Task.Delay(100, limit.Token);
        }
    }

    private async Task<bool> IsReadyAsync()
    {
        try
        {
            using HttpResponseMessage response = await _http.GetAsync("/-/ready", Cancel);
            return response.IsSuccessStatusCode; // it listens before it can answer queries
        }
        catch (HttpRequestException)
        {
            return false; // it does not listen yet
        }
    }

    /// <summary>What promtool finds to say about a page, a line each; throws where it cannot parse it.</summary>
    public static async Task<string[]> CheckAsync(string page)
    {
        Assert.SkipWhen(!File.Exists(Tool), "Prometheus is not installed: apt-get install prometheus");
        using Process process = Process.Start(new ProcessStartInfo(Tool, ["check", "metrics"])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
        })!; // a new process
        Task<string> said = process.StandardError.ReadToEndAsync(Cancel);
        await process.StandardInput.WriteAsync(page);
        process.StandardInput.Close();
        await process.WaitForExitAsync(Cancel);
        Assert.True(process.ExitCode is 0 or 3, await said); // 3: advice
        return (await said).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        if (!_process.HasExited)
        {
            _process.Kill();
        }
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
