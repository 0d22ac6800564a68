using KServePaged.Kernels.Tests.Abi;

namespace KServePaged.Kernels.Tests.Host;

/// <summary>native/kernels/cpu/host.cpp over the files of made-up control groups.</summary>
public sealed class HostLimitsTests : IClassFixture<HostLimitsTests.Program>, IDisposable
{
    private readonly Program _program;
    private readonly string _root = Directory.CreateTempSubdirectory("kp-host").FullName;

    public HostLimitsTests(Program program)
    {
        _program = program;
        Put("proc/meminfo", "MemTotal: 8000 kB\nMemAvailable: 6000 kB\n");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("max 100000", int.MaxValue)]
    [InlineData("200000 100000", 2)]
    [InlineData("150000 100000", 2)] // a begun processor counts: it is throttled for a part of the time only
    [InlineData("100000 100000", 1)]
    [InlineData("20000 100000", 1)] // a fifth of a processor
    [InlineData("1000 1000000", 1)]
    public void Threads_WithAQuotaOfVersion2_AreItsProcessors(string quota, int most)
    {
        Put("proc/self/cgroup", "0::/kubepods/pod1\n");
        Put("sys/fs/cgroup/kubepods/pod1/cpu.max", quota + "\n");
        Assert.Equal(Math.Min(most, _program.Processors), Ask().Threads);
    }

    [Fact]
    public void Threads_WhenAnAncestorIsTighter_FollowIt()
    {
        Put("proc/self/cgroup", "0::/kubepods/pod1\n");
        Put("sys/fs/cgroup/kubepods/pod1/cpu.max", "max 100000\n");
        Put("sys/fs/cgroup/kubepods/cpu.max", "50000 100000\n");
        Assert.Equal(1, Ask().Threads);
    }

    [Fact]
    public void Threads_WithAQuotaOfVersion1_AreItsProcessors()
    {
        Put("proc/self/cgroup", "4:cpu,cpuacct:/docker/x\n3:memory:/docker/x\n");
        Put("sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", "60000\n");
        Put("sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us", "100000\n");
        Assert.Equal(1, Ask().Threads);
        Put("sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", "-1\n");
        Assert.Equal(_program.Processors, Ask().Threads);
    }

    [Fact]
    public void Threads_InAContainerThatSeesItsGroupAsTheRoot_FollowTheRoot()
    {
        Put("proc/self/cgroup", "0::/system.slice/of-the-host\n");
        Put("sys/fs/cgroup/cpu.max", "90000 100000\n");
        Assert.Equal(1, Ask().Threads);
    }

    [Fact]
    public void Threads_WithoutControlGroups_AreAllProcessors() => Assert.Equal((_program.Processors, 8000L << 10, 6000L << 10), Ask());

    [Fact]
    public void Memory_WithALimit_IsWhatTheGroupHasLeft()
    {
        Put("proc/self/cgroup", "0::/a\n");
        Put("sys/fs/cgroup/a/memory.max", "4000000\n");
        Put("sys/fs/cgroup/a/memory.current", "1500000\n");
        Put("sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 500000\n");
        Assert.Equal((_program.Processors, 4_000_000L, 3_000_000L), Ask());
    }

    private (int Threads, long Total, long Free) Ask() => _program.Ask(_root);

    private void Put(string path, string text)
    {
        string file = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    /// <summary>host.cpp with a main that prints what it finds under a root.</summary>
    public sealed class Program : IDisposable
    {
        private readonly string _directory = Directory.CreateTempSubdirectory("kp-host").FullName;
        private readonly string _file;

        public Program()
        {
            _file = Path.Combine(_directory, "host");
            File.WriteAllText($"{_file}.cpp", """
                #include "cpu/host.cpp"
                #include <cstdio>
                int main(int, char** arguments) {
                  const auto memory = kp::cpu::AllowedMemory(arguments[1]);
                  printf("%d %lld %lld", kp::cpu::AllowedThreads(arguments[1]), (long long)memory.total_bytes, (long long)memory.free_bytes);
                }
                """);
            CHeaders.Compile($"{_file}.cpp", _file);
            Processors = Ask(_directory).Threads;
        }

        /// <summary>Those of the affinity mask.</summary>
        public int Processors { get; }

        public (int Threads, long Total, long Free) Ask(string root)
        {
            long[] answer = [.. CHeaders.Run(_file, root).Split(' ').Select(long.Parse)];
            return ((int)answer[0], answer[1], answer[2]);
        }

        public void Dispose() => Directory.Delete(_directory, recursive: true);
    }
}
