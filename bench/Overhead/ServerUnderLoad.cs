using System.Diagnostics;
using System.Globalization;

namespace KServePaged.Overhead;

/// <summary>A server as a process of its own.</summary>
internal sealed class ServerUnderLoad : IDisposable
{
    private readonly Process _process;

    public ServerUnderLoad(IEnumerable<string> dotnetArguments)
    {
        _process = Process.Start(new ProcessStartInfo("dotnet", dotnetArguments) { RedirectStandardOutput = true, RedirectStandardError = true })!; // it is running us
        _process.OutputDataReceived += static (_, _) => { };
        _process.ErrorDataReceived += static (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Processor time of its threads so far, from the scheduler's own account in nanoseconds.</summary>
    public TimeSpan ProcessorTime => TimeSpan.FromSeconds(
        Directory.EnumerateDirectories($"/proc/{_process.Id}/task").Sum(task => long.Parse(File.ReadAllText(task + "/schedstat").Split(' ')[0], CultureInfo.InvariantCulture)) / 1e9);

    /// <summary>Waits until a GET of the address is answered with 200.</summary>
    public async Task WaitForAsync(string url)
    {
        using var http = new HttpClient();
        for (int attempt = 0; attempt < 600; attempt++)
        {
            if (_process.HasExited)
            {
                throw new InvalidOperationException($"the server at {url} ended with code {_process.ExitCode}");
            }
            try
            {
                using HttpResponseMessage answer = await http.GetAsync(url);
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException) when (attempt < 599)
            {
                // the port is not open yet
            }
            await Task.Delay(100);
        }
        throw new TimeoutException($"{url} was not ready within a minute");
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
