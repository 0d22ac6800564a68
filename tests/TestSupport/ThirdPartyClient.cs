using System.Diagnostics;

namespace KServePaged.TestSupport;

/// <summary>Scripts of tests/EndToEnd.Tests/clients, which drive a server with clients that others wrote.</summary>
internal static class ThirdPartyClient
{
    private const string Python = "/usr/bin/python3"; // Debian's: its grpcio is a package of the system, not of any other Python
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private static string Clients { get; } = Path.Combine(Repository.Root, "tests", "EndToEnd.Tests", "clients");

    /// <summary>Runs a script with Debian's grpcio; skips the calling test where that is missing.</summary>
    /// <returns>The lines of its standard output, once it has ended with 0.</returns>
    public static async Task<string[]> RunPythonGrpcAsync(string script, params string[] arguments)
    {
        if (!File.Exists(Python) || !File.Exists("/usr/bin/protoc") || (await EndAsync(Python, "-c", "import grpc, google.protobuf")).ExitCode != 0)
        {
            Assert.Skip("grpcio is not installed: apt-get install python3-grpcio python3-protobuf protobuf-compiler");
        }
        return await RunAsync(Python, [script, .. arguments]);
    }

    /// <summary>Runs a script with an npm package; skips the calling test where that is missing.</summary>
    /// <returns>The lines of its standard output, once it has ended with 0.</returns>
    public static async Task<string[]> RunNodeAsync(string package, string script, params string[] arguments)
    {
        if (!Directory.Exists(Path.Combine(Clients, "node_modules", package)))
        {
            Assert.Skip("the npm packages are not installed: run npm ci in tests/EndToEnd.Tests/clients");
        }
        return await RunAsync("node", [script, .. arguments]);
    }

    private static async Task<string[]> RunAsync(string program, params string[] arguments)
    {
        (int code, string output, string errors) = await EndAsync(program, arguments);
        Assert.True(code == 0, $"{arguments[0]} ended with {code}:\n{output}{errors}");
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static async Task<(int ExitCode, string Output, string Errors)> EndAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Clients,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["PYTHONDONTWRITEBYTECODE"] = "1" },
        })!; // a new process
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            process.Kill();
            Assert.Fail($"{program} {string.Join(' ', arguments)} took longer than {Limit.TotalSeconds} s:\n{await output}{await errors}");
        }
        return (process.ExitCode, await output, await errors);
    }
}
