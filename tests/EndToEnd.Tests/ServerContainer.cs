using System.Globalization;

namespace KServePaged.EndToEnd.Tests;

/// <summary>The image's server in a container as a restricted namespace runs it: some user, nothing to write to, no capability, 512 MiB.</summary>
internal sealed class ServerContainer : IAsyncDisposable
{
    public const long MemoryLimit = 512L << 20;

    private readonly string _name;

    private ServerContainer(string name, int user, ServerProcess server, int processId)
    {
        (_name, User, Server, ProcessId) = (name, user, server, processId);
    }

    public int User { get; }

    /// <summary>Its process is podman, which hands signals on and takes over the exit code.</summary>
    public ServerProcess Server { get; }

    /// <summary>The server's, as this machine counts.</summary>
    public int ProcessId { get; }

    /// <summary>Starts the server and waits until it is ready.</summary>
    /// <param name="mount">A directory for /mnt/models, or null.</param>
    /// <param name="arguments">For the server.</param>
    public static async Task<ServerContainer> StartAsync(string? mount, params string[] arguments)
    {
        string name = $"kservepaged-test-{Guid.NewGuid():N}";
        int user = Random.Shared.Next(10_000, 60_000);
        string[] options =
        [
            "run", "--rm", "--name", name, "--network", "host", "--no-healthcheck", "--ulimit", "nofile=20000:20000", "--ulimit", "nproc=4096:4096",
            "--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL", "--security-opt=no-new-privileges",
            "--user", user.ToString(CultureInfo.InvariantCulture), "--memory", MemoryLimit.ToString(CultureInfo.InvariantCulture),
            .. mount is null ? (string[])[] : ["--volume", $"{mount}:/mnt/models:ro"],
        ];
        try
        {
            ServerProcess server = await ServerProcess.StartAsync(Podman.Command([.. options, Podman.Image, .. arguments, "--port=0", "--host=127.0.0.1"]));
            string processId = await Podman.OutputAsync("inspect", "--format", "{{.State.Pid}}", name);
            return new ServerContainer(name, user, server, int.Parse(processId, CultureInfo.InvariantCulture));
        }
        catch
        {
            await Podman.RunAsync("rm", "--force", "--time", "0", name);
            throw;
        }
    }

    /// <summary>Runs a command in it, as a preStop hook is run.</summary>
    public Task<(int ExitCode, string Output, string Error)> ExecuteAsync(params string[] command) => Podman.RunAsync(["exec", _name, .. command]);

    /// <summary>A line of the kernel's account of the server: <c>CapEff</c>, <c>Uid</c>, …</summary>
    public string Status(string field) => File.ReadLines($"/proc/{ProcessId}/status")
        .First(line => line.StartsWith(field + ":", StringComparison.Ordinal))[(field.Length + 1)..].Trim();

    /// <summary>The cgroup's files, of whichever version the kernel has: the limit, and the most that was ever used.</summary>
    public (long Limit, long Peak) Memory()
    {
        string[] groups = File.ReadAllLines($"/proc/{ProcessId}/cgroup");
        string? first = groups.FirstOrDefault(line => line.Split(':')[1].Split(',').Contains("memory"));
        (string folder, string limit, string peak) = first is not null
            ? ($"/sys/fs/cgroup/memory{first.Split(':')[2]}", "memory.limit_in_bytes", "memory.max_usage_in_bytes")
            : ($"/sys/fs/cgroup{groups.First(line => line.StartsWith("0::", StringComparison.Ordinal)).Split(':')[2]}", "memory.max", "memory.peak");
        return (Number(limit), Number(peak));
        long Number(string file) => long.Parse(File.ReadAllText(Path.Combine(folder, file)), CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Podman.RunAsync("rm", "--force", "--time", "0", _name);
    }
}
