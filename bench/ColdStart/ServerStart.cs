using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KServePaged.ColdStart;

/// <summary>A server that speaks OpenAI's completions, by the command that starts it.</summary>
internal sealed class ServerStart
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly string[] _command;

    private ServerStart(string name, string[] command) => (Name, _command) = (name, command);

    public string Name { get; }

    /// <param name="text"><c>NAME=PROGRAM ARGUMENT...</c>, where {port} stands for the port; words are separated by spaces.</param>
    public static ServerStart Parse(string text)
    {
        string[] parts = text.Split('=', 2);
        return parts.Length == 2 && parts[1].Contains("{port}", StringComparison.Ordinal)
            ? new ServerStart(parts[0], parts[1].Split(' ', StringSplitOptions.RemoveEmptyEntries))
            : throw new ArgumentException($"'{text}' is no NAME=COMMAND with {{port}} in it", nameof(text));
    }

    /// <summary>Starts it, asks until it answers, and ends it.</summary>
    /// <returns>Seconds until the first event of the answer.</returns>
    public async Task<double> MeasureAsync()
    {
        int port = FreePort();
        string[] command = [.. _command.Select(word => word.Replace("{port}", $"{port}", StringComparison.Ordinal))];
        long began = Stopwatch.GetTimestamp();
        using Process process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true })!; // a new process
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            while (!await TryAskAsync(port))
            {
                if (process.HasExited || Stopwatch.GetElapsedTime(began) > Limit)
                {
                    throw new InvalidOperationException($"{Name} did not serve");
                }
                await Task.Delay(Pause);
            }
            return Stopwatch.GetElapsedTime(began).TotalSeconds;
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    // A socket, so that neither what a client keeps between requests nor its own first request counts.
    private static async Task<bool> TryAskAsync(int port)
    {
        const string Body = """{"prompt":"Once","max_tokens":16,"stream":true}""";
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port);
            NetworkStream stream = client.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(
                $"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {Body.Length}\r\nConnection: close\r\n\r\n{Body}"));
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
}
