using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Tests.Harness;

namespace KServePaged.Kernels.Tests;

/// <summary>Several threads that load matrices onto a GPU.</summary>
public sealed class LinearLanesTests
{
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Load_BySeveralThreads_GivesTheBitsOfOneAfterAnother(KernelTarget target)
    {
        using Rig rig = OpenWithLanes(target);
        PackedLinear[] expected = LaneMatrices.Create(rig);
        PackedLinear[] actual = LaneMatrices.Create(rig);
        for (int i = 0; i < expected.Length; i++)
        {
            LaneMatrices.Load(expected[i], i);
        }

        LaneMatrices.OnThreads(4, actual.Length, i => LaneMatrices.Load(actual[i], i));

        rig.Device.FreeLinearLanes();
        for (int i = 0; i < expected.Length; i++)
        {
            Expect.SameBits(LaneMatrices.Product(rig, expected[i]), LaneMatrices.Product(rig, actual[i]), $"matrix {i}");
        }
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Load_BySeveralThreads_BlamesTheMatrixThatIsBroken(KernelTarget target)
    {
        const int Broken = 5;
        using Rig rig = OpenWithLanes(target);
        PackedLinear[] matrices = LaneMatrices.Create(rig);
        var blamed = new List<int>();

        LaneMatrices.OnThreads(4, matrices.Length, i =>
        {
            try
            {
                LaneMatrices.Load(matrices[i], i, i == Broken ? float.NaN : 1);
            }
            catch (KernelException exception) when (exception.Status == KernelStatus.InvalidData)
            {
                lock (blamed)
                {
                    blamed.Add(i);
                }
            }
        });

        Assert.Equal([Broken], blamed);
        LaneMatrices.Load(matrices[Broken], Broken); // on a lane that carried the broken one
    }

    [Fact]
    public void LinearLaneBytes_OfACpu_AreNone()
    {
        using Device device = Device.Open(KernelLibrary.Open("cpu"), threads: 1);
        Assert.Equal(0, device.LinearLaneBytes(1 << 20));
        device.FreeLinearLanes();
    }

    private static Rig OpenWithLanes(KernelTarget target)
    {
        Rig rig = Rig.Open(target);
        if (rig.Device.LinearLaneBytes(1) == 0)
        {
            rig.Dispose();
            Assert.Skip($"{target}: one load at a time");
        }
        return rig;
    }
}
