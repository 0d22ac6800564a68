using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using KServePaged.TestSupport;

namespace KServePaged.EndToEnd.Tests;

/// <summary>The real server as a process of its own, on a free port.</summary>
internal sealed partial class ServerProcess : IAsyncDisposable
{
    private const int SigTerm = 15;

    private readonly Process _process;
    private readonly StringBuilder _log;

    private ServerProcess(Process process, StringBuilder log, string curlLine)
    {
        _process = process;
        _log = log;
        CurlLine = curlLine;
        string url = curlLine.Split(' ').First(word => word.StartsWith("http", StringComparison.Ordinal));
        Http = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = TestCertificate.Accept } })
        {
            BaseAddress = new Uri(url[..url.IndexOf("/v1/", StringComparison.Ordinal)]),
        };
    }

    /// <summary>The one line the server prints when it is ready.</summary>
    public string CurlLine { get; }

    public HttpClient Http { get; }

    /// <summary>Standard error so far.</summary>
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

    /// <summary>Starts the server and waits until it is ready.</summary>
    public static Task<ServerProcess> StartAsync(params string[] arguments) => StartAsync(Command([.. arguments, "--port=0", "--host=127.0.0.1"]));

    /// <summary>Starts the server by a command that ends with it and hands signals and output on, and waits until it is ready.</summary>
    public static async Task<ServerProcess> StartAsync(ProcessStartInfo command)
    {
        (Process process, StringBuilder log) = Launch(command);
        try
        {
            string? line = await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromMinutes(2));
            if (line is not null)
            {
                return new ServerProcess(process, log, line);
            }
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            throw new InvalidOperationException($"the server ended with code {process.ExitCode} before it was ready:\n{log}");
        }
        catch
        {
            End(process);
            throw;
        }
    }

    /// <summary>Runs the server to its own end, which must come within a minute.</summary>
    public static Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments) => RunAsync([], arguments);

    public static async Task<(int ExitCode, string Output, string Error)> RunAsync(IEnumerable<(string Name, string Value)> environment, params string[] arguments)
    {
        ProcessStartInfo command = Command(arguments);
        foreach ((string name, string value) in environment)
        {
            command.Environment[name] = value;
        }
        return await RunAsync(command);
    }

    public static async Task<(int ExitCode, string Output, string Error)> RunAsync(ProcessStartInfo command)
    {
        (Process process, StringBuilder log) = Launch(command);
        try
        {
            string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(1));
            await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(1));
            lock (log)
            {
                return (process.ExitCode, output, log.ToString());
            }
        }
        finally
        {
            End(process);
        }
    }

    /// <summary>Waits for the end of the process, at most a minute, and returns its exit code.</summary>
    public async Task<int> WaitForExitAsync()
    {
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(1));
        return _process.ExitCode;
    }

    /// <summary>Sends SIGTERM.</summary>
    public void Terminate() => Assert.Equal(0, Kill(_process.Id, SigTerm));

    public ValueTask DisposeAsync()
    {
        Http.Dispose();
        End(_process);
        return ValueTask.CompletedTask;
    }

    /// <summary>The command that starts the server, which the caller may change.</summary>
    /// <param name="program">The folder of the server's files; null = beside the tests.</param>
    public static ProcessStartInfo Command(string[] arguments, string? program = null)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } path && Path.GetFileName(path) == "dotnet" ? path : "dotnet");
        start.ArgumentList.Add(Path.Combine(program ?? AppContext.BaseDirectory, "KServePaged.Predictor.dll"));
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }
        foreach (string name in (string[])["PORT", "K_REVISION", "TERMINATION_MESSAGE_PATH", "INFERENCE_SERVICE_NAME", "VLLM_API_KEY", "MODEL_INIT_MODE", "KUBERNETES_SERVICE_HOST"])
        {
            start.Environment.Remove(name);
        }
        return start;
    }

    private static (Process Process, StringBuilder Log) Launch(ProcessStartInfo command)
    {
        (command.RedirectStandardOutput, command.RedirectStandardError) = (true, true);
        var log = new StringBuilder();
        Process process = Process.Start(command)!; // an executable is started anew
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is { } text) // null is the end of the stream
            {
                lock (log)
                {
                    log.AppendLine(text);
                }
            }
        };
        process.BeginErrorReadLine();
        return (process, log);
    }

    private static void End(Process process)
    {
        if (!process.HasExited)
        {
            process.Kill();
        }
        process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
