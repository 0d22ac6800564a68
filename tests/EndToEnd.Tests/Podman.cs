using System.Diagnostics;

namespace KServePaged.EndToEnd.Tests;

/// <summary>Runs podman over the store that eng/image/build fills.</summary>
internal static class Podman
{
    private static readonly string[] Store = ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--runtime", "runc"];

    /// <summary>The image under test; skips the calling test where none is named.</summary>
    public static string Image
    {
        get
        {
            string? tag = Environment.GetEnvironmentVariable("KSERVEPAGED_IMAGE");
            if (string.IsNullOrEmpty(tag))
            {
                Assert.Skip("KSERVEPAGED_IMAGE names no image: run eng/image/build, then set it to the tag");
            }
            return tag;
        }
    }

    public static ProcessStartInfo Command(params string[] arguments) => new("podman", [.. Store, .. arguments]);

    /// <summary>Runs a command to its end, which must come within two minutes.</summary>
    public static async Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments)
    {
        ProcessStartInfo start = Command(arguments);
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using Process process = Process.Start(start)!; // a new process
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        try
        {
            await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(2));
            return (process.ExitCode, await output, await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }

    /// <summary>The output of a command that must succeed.</summary>
    public static async Task<string> OutputAsync(params string[] arguments)
    {
        (int code, string output, string error) = await RunAsync(arguments);
        Assert.True(code == 0, $"podman {string.Join(' ', arguments)} ended with {code}: {error}");
        return output.Trim();
    }
}
