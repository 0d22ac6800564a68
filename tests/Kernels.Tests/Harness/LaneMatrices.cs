using KServePaged.Engine.Kernels;

namespace KServePaged.Kernels.Tests.Harness;

/// <summary>A dozen matrices to be loaded side by side.</summary>
internal static class LaneMatrices
{
    private static readonly LinearFormat[] Formats =
    [
        LinearFormat.Plain(ElementType.BFloat16),
        LinearFormat.Plain(ElementType.Float32),
        new() { Type = ElementType.BFloat16, Bits = 8 },
        new() { Type = ElementType.BFloat16, Bits = 4, Group = 32, ZeroPoints = 1 },
    ];

    private static int Height(int i) => 33 + (7 * i);

    public static int Width(int i) => 64 + (96 * i);

    /// <summary>Empty ones, of different sizes and formats.</summary>
    public static PackedLinear[] Create(Rig rig) =>
        [.. Enumerable.Range(0, 12).Select(i => rig.Own(rig.Device.CreateLinear(Height(i), Width(i), Formats[i % Formats.Length])))];

    /// <summary>Fills matrix i in two calls; one weight is multiplied by the factor.</summary>
    public static void Load(PackedLinear matrix, int i, float factor = 1)
    {
        float[] weights = new Noise(i).Normals(matrix.OutFeatures * matrix.InFeatures, 0.05);
        weights[weights.Length / 2] *= factor;
        long half = matrix.OutFeatures / 2;
        byte[] source = Elements.Encode(weights, ElementType.Float32);
        int split = (int)(half * matrix.InFeatures * sizeof(float));
        matrix.Load(0, half, source.AsSpan(0, split), ElementType.Float32);
        matrix.Load(half, matrix.OutFeatures - half, source.AsSpan(split), ElementType.Float32);
    }

    /// <summary>Of three rows.</summary>
    public static float[] Product(Rig rig, PackedLinear matrix)
    {
        ElementType type = matrix.Format.Type;
        nint x = rig.Upload(Elements.Encode(new Noise(99).Normals(3 * matrix.InFeatures, 1), type)).Address;
        DeviceArray<float> y = rig.Allocate<float>(3 * matrix.OutFeatures);
        rig.Stream.Linear(matrix, x, type, (int)matrix.InFeatures, 3, 0, y.Address, (int)matrix.OutFeatures);
        return y.Read();
    }

    /// <summary>Runs jobs 0 … jobs - 1 on so many threads; the test fails if one of them throws.</summary>
    public static void OnThreads(int count, int jobs, Action<int> job)
    {
        int next = -1;
        var failures = new List<Exception>();
        Thread[] threads = [.. Enumerable.Range(0, count).Select(_ => new Thread(Work))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Empty(failures);

        void Work()
        {
            try
            {
                for (int i = Interlocked.Increment(ref next); i < jobs; i = Interlocked.Increment(ref next))
                {
                    job(i);
                }
            }
            catch (Exception exception)
            {
                lock (failures)
                {
                    failures.Add(exception);
                }
            }
        }
    }
}
