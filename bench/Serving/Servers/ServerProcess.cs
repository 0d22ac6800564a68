using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using KServePaged.Serving.Machine;

namespace KServePaged.Serving.Servers;

/// <summary>A server as a process of its own, from its start until its first token and to its end.</summary>
internal sealed partial class ServerProcess : IAsyncDisposable
{
    private const int SigTerm = 15;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);

    private readonly string _name;
    private readonly Process _process;
    private readonly StringBuilder _log = new();

    private ServerProcess(string name, Process process, int port)
    {
        (_name, _process, Port) = (name, process, port);
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Port { get; }

    public int ProcessId => _process.Id;

    /// <summary>From exec until a client had the first token of an answer.</summary>
    public double StartSeconds { get; private set; }

    /// <summary>Starts the server and asks it until it answers.</summary>
    /// <exception cref="BenchException">There is no such program, it ended, or it did not serve in time.</exception>
    public static async Task<ServerProcess> StartAsync(string name, Func<int, string[]> command)
    {
        int port = FreePort();
        string[] words = command(port);
        double began = ProcessorClock.Now();
        var server = new ServerProcess(name, Launch(name, words), port);
        try
        {
            while (!await server.TryAskAsync())
            {
                server.ThrowIfEnded();
                if (ProcessorClock.Now() - began > StartLimit.TotalSeconds)
                {
                    throw new BenchException($"{name} gave no token within {StartLimit.TotalMinutes} minutes: {string.Join(' ', words)}\n{server.Log}");
                }
                await Task.Delay(Pause);
            }
            server.StartSeconds = ProcessorClock.Now() - began;
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <exception cref="BenchException">The process is gone.</exception>
    public void ThrowIfEnded()
    {
        if (_process.HasExited)
        {
            throw new BenchException($"{_name} ended with code {_process.ExitCode}:\n{Log}");
        }
    }

    /// <summary>The same for one that may be about to end: its connections close before it is gone.</summary>
    public async Task ThrowIfEndingAsync()
    {
        using var patience = new CancellationTokenSource(EndLimit);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            return; // it lives
        }
        ThrowIfEnded();
    }

    /// <summary>Most memory it had at a time, and what of its present memory is no file's, in bytes.</summary>
    public (long Peak, long Anonymous) Memory()
    {
        ThrowIfEnded();
        string[] lines = File.ReadAllLines($"/proc/{ProcessId}/status");
        long Kilobytes(string field) => long.Parse(lines.First(line => line.StartsWith(field, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2].Split('\t')[^1], CultureInfo.InvariantCulture);
        return (1024 * Kilobytes("VmHWM:"), 1024 * Kilobytes("RssAnon:"));
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _ = Signal(_process.Id, SigTerm);
            using var patience = new CancellationTokenSource(StopLimit);
            try
            {
                await _process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill(); // it was asked politely
            }
            await _process.WaitForExitAsync();
        }
        _process.Dispose();
    }

    private string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString(Math.Max(0, _log.Length - 2000), Math.Min(_log.Length, 2000));
            }
        }
    }

    private void Keep(string? line)
    {
        if (line is not null) // the end of the stream
        {
            lock (_log)
            {
                _log.AppendLine(line);
            }
        }
    }

    private static Process Launch(string name, string[] words)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(words[0], words[1..]) { RedirectStandardOutput = true, RedirectStandardError = true })!; // a new process
        }
        catch (Win32Exception e)
        {
            throw new BenchException($"{name} cannot be started: {words[0]}: {e.Message}");
        }
    }

    // A socket, so that neither what a client keeps between requests nor its own first request counts.
    private async Task<bool> TryAskAsync()
    {
        const string Body = """{"prompt":[300,301,302],"max_tokens":1,"temperature":0,"stream":true,"ignore_eos":true}""";
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, Port);
            NetworkStream stream = client.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(
                $"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1:{Port}\r\nContent-Type: application/json\r\nContent-Length: {Body.Length}\r\nConnection: close\r\n\r\n{Body}"));
            using var answer = new StreamReader(stream);
            for (string? line = await answer.ReadLineAsync(); line is not null; line = await answer.ReadLineAsync())
            {
                if (line.StartsWith("data: ", StringComparison.Ordinal) && line.Contains("\"choices\"", StringComparison.Ordinal))
                {
                    return true;
                }
            }
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false; // it does not listen yet
        }
        return false; // it listens, and loads
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int processId, int signal);
}
