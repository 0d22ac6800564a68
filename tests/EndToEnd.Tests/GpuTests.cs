using System.Diagnostics;
using System.Net;
using System.Text;
using KServePaged.Kernels.Emulation;

namespace KServePaged.EndToEnd.Tests;

/// <summary>The server as it is installed on a machine with a GPU, emulated: what it says and how it ends when the GPU cannot be used, or fails.</summary>
public sealed class GpuTests : IDisposable
{
    private const int LoadFailed = 1, EngineFailed = 3;

    private readonly string _folder = Directory.CreateTempSubdirectory("kservepaged-gpu-").FullName;

    private string Ailing => Path.Combine(_folder, "ailment");

    private string Termination => Path.Combine(_folder, "termination-log");

    public GpuTests()
    {
        string program = Path.Combine(_folder, "program");
        Directory.CreateDirectory(program);
        foreach (string file in Directory.EnumerateFiles(AppContext.BaseDirectory).Where(IsOfTheServer))
        {
            File.Copy(file, Path.Combine(program, Path.GetFileName(file)));
        }
        // The emulated kernels in the place of those for a GPU.
        File.Copy(Path.Combine(AppContext.BaseDirectory, "libkpkernels_cudaemu.so"), Path.Combine(program, "libkpkernels_cuda.so"));
        File.WriteAllText(Termination, "");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>What runs hears of it, what comes is refused, both probes fail, and the process ends by itself with a code of its own.</summary>
    [Fact]
    public async Task Serve_WhenTheGpuFailsInMidStep_TellsEverybodyAndEnds()
    {
        await using ServerProcess server = await ServerProcess.StartAsync(Command("--device=cuda", "--kv_cache_memory=8MiB"));
        Assert.Contains("CUDA emulation", server.Log, StringComparison.Ordinal);
        using HttpResponseMessage running = await server.Http.SendAsync(
            Completion("""{"prompt":"Once","max_tokens":1500,"ignore_eos":true,"stream":true}"""), HttpCompletionOption.ResponseHeadersRead, Cancel);
        using var reader = new StreamReader(await running.Content.ReadAsStreamAsync(Cancel));
        Assert.StartsWith("data: {", await reader.ReadLineAsync(Cancel), StringComparison.Ordinal);

        await File.WriteAllTextAsync(Ailing, $"{(int)Ailment.Fault}", Cancel);
        string[] events = [.. (await reader.ReadToEndAsync(Cancel)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries)];
        Assert.Contains("\"code\":500", events[^2], StringComparison.Ordinal);
        Assert.Equal("data: [DONE]", events[^1].Trim());

        foreach (string probe in (string[])["/v2/health/live", "/v2/health/ready", "/health"])
        {
            using HttpResponseMessage health = await server.Http.GetAsync(probe, Cancel);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, health.StatusCode);
            Assert.Contains("an illegal memory access was encountered", await health.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
        }
        using HttpResponseMessage refused = await server.Http.SendAsync(Completion("""{"prompt":"x"}"""), Cancel);
        Assert.Equal(HttpStatusCode.InternalServerError, refused.StatusCode);
        Assert.Contains("has failed and this server must be restarted", await refused.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);

        Assert.Equal(EngineFailed, await server.WaitForExitAsync());
        string said = Assert.Single(await File.ReadAllLinesAsync(Termination, Cancel));
        Assert.Contains("an illegal memory access was encountered. It cannot be used any more by this process", said, StringComparison.Ordinal);
        Assert.Contains($"{said} This process ends in 3 s with exit code 3", server.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Ailment.NoDriver, "no NVIDIA driver is installed")]
    [InlineData(Ailment.NoDevice, "there is an NVIDIA driver but no GPU")]
    [InlineData(Ailment.OldDevice, "is too old: the kernels need compute capability 8.0")]
    public async Task Serve_WhenThereIsNoGpuToUse_IsRefusedUnlessTheCpuWillDo(Ailment ailment, string reason)
    {
        await File.WriteAllTextAsync(Ailing, $"{(int)ailment}", Cancel);
        (int code, string output, string error) = await ServerProcess.RunAsync(Command("--device=cuda"));
        Assert.Equal((LoadFailed, ""), (code, output));
        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.Contains(reason, await File.ReadAllTextAsync(Termination, Cancel), StringComparison.Ordinal);

        await using ServerProcess server = await ServerProcess.StartAsync(Command("--device=auto", "--kv_cache_memory=8MiB"));
        Assert.Contains($"The CPU is used, since no GPU can be: Open: ", server.Log, StringComparison.Ordinal);
        Assert.Contains(reason, server.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Ailment.BusyMemory, "1GiB", "are taken already, by other processes")]
    [InlineData(Ailment.SmallMemory, "1GiB", "The model does not fit")]
    [InlineData(Ailment.TakenMemory, "8MiB", "Another process on this device takes it")]
    public async Task Serve_WhenOthersHoldTheMemory_SaysSoEvenWithAuto(Ailment ailment, string cache, string reason)
    {
        await File.WriteAllTextAsync(Ailing, $"{(int)ailment}", Cancel);
        (int code, _, string error) = await ServerProcess.RunAsync(Command("--device=auto", $"--kv_cache_memory={cache}"));
        Assert.Equal(LoadFailed, code);
        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.Contains(reason, await File.ReadAllTextAsync(Termination, Cancel), StringComparison.Ordinal);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static bool IsOfTheServer(string file) => Path.GetFileName(file) is var name
        && (name.EndsWith(".dll", StringComparison.Ordinal) || name.StartsWith("KServePaged.Predictor.", StringComparison.Ordinal) || name == "libkpkernels_cpu.so");

    private static HttpRequestMessage Completion(string body) =>
        new(HttpMethod.Post, "/v1/completions") { Content = new StringContent(body, Encoding.UTF8, "application/json") };

    private ProcessStartInfo Command(params string[] arguments)
    {
        string demo = Path.Combine(AppContext.BaseDirectory, "models", "demo");
        ProcessStartInfo command = ServerProcess.Command(
            [$"--model_dir={demo}", "--port=0", "--host=127.0.0.1", "--max_num_seqs=4", .. arguments], Path.Combine(_folder, "program"));
        command.Environment["KP_EMULATION_AILMENT_FILE"] = Ailing;
        command.Environment["TERMINATION_MESSAGE_PATH"] = Termination;
        return command;
    }
}
