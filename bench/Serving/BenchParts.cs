using System.Diagnostics;
using KServePaged.Serving.Servers;

namespace KServePaged.Serving;

/// <summary>The programs that a run needs, built from this checkout where they are not given.</summary>
internal sealed class BenchParts
{
    private readonly ServerCommand _ours;
    private readonly ServerCommand? _peer;

    private BenchParts(BenchOptions options, string work, string ours, string ceilings)
    {
        (Work, CeilingsProgram) = (work, ceilings);
        _ours = ServerCommand.Parse(Bench.Ours, ours);
        _peer = options.Peer is null ? null : ServerCommand.Parse(options.PeerName, options.Peer);
    }

    public string Work { get; }

    public string CeilingsProgram { get; }

    /// <summary>Builds what is missing.</summary>
    public static BenchParts Build(BenchOptions options, string root, string work)
    {
        string published = Path.Combine(work, "ours");
        string native = Path.Combine(root, "artifacts", "native");
        if (options.Server is null)
        {
            Execute("dotnet", "publish", Path.Combine(root, "src", "Predictor"), "-p:PublishProfile=Image", "-o", published, "-v", "quiet");
        }
        if (!File.Exists(Path.Combine(native, "CMakeCache.txt")))
        {
            Execute("cmake", "-S", Path.Combine(root, "native", "kernels"), "-B", native, "-DCMAKE_BUILD_TYPE=Release", $"-DCMAKE_LIBRARY_OUTPUT_DIRECTORY={native}");
        }
        Execute("cmake", "--build", native, "--target", "machine_ceilings");
        string ours = options.Server
            ?? $"\"{Path.Combine(published, "KServePaged.Predictor")}\" --model_dir {{model}} --model_name bench --host 127.0.0.1 --port {{port}} --log_level warning --kv_cache_memory {{cache}}";
        return new BenchParts(options, work, ours, Path.Combine(native, "machine_ceilings"));
    }

    /// <summary>Who is compared: ours, then the peer if there is one.</summary>
    public IEnumerable<ServerCommand> Servers(WeightFormat format)
    {
        yield return format.Quantization is null ? _ours : _ours.With("--quantization", format.Quantization);
        if (_peer is not null)
        {
            yield return _peer;
        }
    }

    private static void Execute(string program, params string[] arguments)
    {
        Console.Error.WriteLine($"{program} {string.Join(' ', arguments)}");
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })
            ?? throw new BenchException($"{program} did not start");
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new BenchException($"{program} {string.Join(' ', arguments)} failed:\n{output}");
        }
    }
}
