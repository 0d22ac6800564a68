using System.Diagnostics;
using KServePaged.Serving;
using KServePaged.Serving.Machine;

namespace KServePaged.Bench.Tests.Serving.Machine;

public sealed class LoadWatchTests
{
    [Fact]
    public void Clocks_CountWhatThisProcessAndItsChildrenDid()
    {
        double own = ProcessorClock.Own();
        double children = ProcessorClock.EndedChildren();
        double machine = ProcessorClock.Machine();
        using (Process child = Process.Start("/bin/sh", ["-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"]))
        {
            child.WaitForExit();
        }
        for (long end = Environment.TickCount64 + 5000; ProcessorClock.Own() - own < 0.1 && Environment.TickCount64 < end;)
        {
            // until this process has worked for that long
        }
        Assert.True(ProcessorClock.Own() - own >= 0.1);
        Assert.True(ProcessorClock.EndedChildren() - children >= 0.02);
        Assert.True(ProcessorClock.Machine() - machine >= 0.1);
    }

    [Fact]
    public void Of_WhenTheProcessIsGone_SaysSo()
    {
        using Process child = Process.Start("/bin/true");
        child.WaitForExit();
        Assert.Contains("is gone", Assert.Throws<BenchException>(() => ProcessorClock.Of(child.Id)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ceilings_AreReadFromTheProgramsOutput() => Assert.Equal(
        new Ceilings(45.5e9, 526e9, 1078e9, 2167e9),
        Ceilings.Parse("""{"threads": 2, "read_gb_s": 45.50, "fp32_gflop_s": 526.0, "bf16_gflop_s": 1078.0, "int8_gop_s": 2167.0}"""));
}
