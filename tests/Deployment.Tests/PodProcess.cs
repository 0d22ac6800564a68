using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.TestSupport;

namespace KServePaged.Deployment.Tests;

/// <summary>
/// The server as a container of a merged pod would start it: its arguments and environment, with /mnt/models moved to a folder of the test, in which the demo model
/// stands for whatever the pod mounts, and with what the demo model is too small for taken back.
/// </summary>
internal sealed partial class PodProcess : IAsyncDisposable
{
    private const int SigTerm = 15;

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("kservepaged-pod-");
    private readonly StringBuilder _log = new();
    private readonly List<string> _links = [];
    private readonly Process _process;

    /// <param name="container">The container of the pod that holds the server.</param>
    /// <param name="late">Whether the models appear only when <see cref="MountModels"/> is called.</param>
    public PodProcess(JsonObject container, bool late)
    {
        if (!OperatingSystem.IsWindows())
        {
            // Another user's server looks into it; in a pod that user's group is 0.
            _root.UnixFileMode |= UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        }
        Http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{FreePort()}") };
        string models = Path.Combine(_root.FullName, "models");
        List<string> arguments = [.. container.Texts("args").Select(argument => argument.Replace("/mnt/models", models, StringComparison.Ordinal))];
        _links.AddRange(arguments.Where(argument => argument.StartsWith("--model_dir=", StringComparison.Ordinal)).Select(argument => argument["--model_dir=".Length..]).TakeLast(1));
        _links.AddRange(arguments.Where(argument => argument.StartsWith("--load_model=", StringComparison.Ordinal)).Select(argument => Path.Combine(models, argument["--load_model=".Length..])));
        if (!late)
        {
            MountModels();
        }
        arguments.AddRange(["--max_model_len=auto", "--kv_cache_memory=64MiB", $"--port={Http.BaseAddress.Port}", "--host=127.0.0.1"]);
        _process = Start(container, arguments);
    }

    public HttpClient Http { get; }

    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    /// <summary>Links the demo model to where the arguments look for models.</summary>
    public void MountModels()
    {
        foreach (string link in _links)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(link)!); // below the root
            File.CreateSymbolicLink(link, Path.Combine(AppContext.BaseDirectory, "models", "demo"));
        }
    }

    /// <summary>Asks like a kubelet until the answer has the status; a process that ended answers no more.</summary>
    public async Task ProbeAsync(string path, HttpStatusCode status)
    {
        long began = Stopwatch.GetTimestamp();
        while (await AnswerAsync(path, TestContext.Current.CancellationToken) != status)
        {
            Assert.False(_process.HasExited, Log);
            Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromMinutes(1), $"{path} is not {status}:\n{Log}");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Sends SIGTERM and waits for the end.</summary>
    public async Task<int> StopAsync()
    {
        Assert.Equal(0, Kill(_process.Id, SigTerm));
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(1));
        return _process.ExitCode;
    }

    public ValueTask DisposeAsync()
    {
        Http.Dispose();
        if (!_process.HasExited)
        {
            _process.Kill();
        }
        _process.Dispose();
        _root.Delete(recursive: true); // the links, not what they lead to
        return ValueTask.CompletedTask;
    }

    private async Task<HttpStatusCode?> AnswerAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            using HttpResponseMessage response = await Http.GetAsync(path, cancellationToken);
            return response.StatusCode;
        }
        catch (HttpRequestException)
        {
            return null; // nobody listens yet
        }
    }

    private Process Start(JsonObject container, List<string> arguments)
    {
        var start = new ProcessStartInfo { RedirectStandardOutput = true, RedirectStandardError = true };
        List<string> command = [Environment.ProcessPath is { } path && Path.GetFileName(path) == "dotnet" ? path : "dotnet", Path.Combine(AppContext.BaseDirectory, "KServePaged.Predictor.dll"), .. arguments];
        string? user = container.At("securityContext", "runAsUser")?.ToString();
        if (user is not null && Environment.UserName == "root" && File.Exists("/usr/bin/setpriv"))
        {
            command.InsertRange(0, ["/usr/bin/setpriv", $"--reuid={user}", "--clear-groups", "--no-new-privs"]);
        }
        start.FileName = command[0];
        command.Skip(1).ToList().ForEach(start.ArgumentList.Add);
        foreach (string name in (string[])["PORT", "K_REVISION", "INFERENCE_SERVICE_NAME", "VLLM_API_KEY", "MODEL_INIT_MODE", "KUBERNETES_SERVICE_HOST"])
        {
            start.Environment.Remove(name);
        }
        foreach (JsonObject variable in container.Items("env").Where(variable => variable.At("value") is not null))
        {
            // The port is one that is free here.
            start.Environment[variable.Name()] = variable.Name() == "PORT" ? $"{Http.BaseAddress!.Port}" : variable.Text("value") == "/home" ? "/tmp" : variable.Text("value");
        }
        Process process = Process.Start(start)!; // an executable is started anew
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        return process;
    }

    private void Keep(string? line)
    {
        lock (_log)
        {
            _log.AppendLine(line);
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
