namespace KServePaged.Kernels.Tests.Harness;

/// <summary>Reproducible numbers for the cases.</summary>
internal sealed class Noise(int seed)
{
    private readonly Random _random = new(seed);

    public int Int(int below) => _random.Next(below);

    /// <summary>[0, 1).</summary>
    public double Uniform() => _random.NextDouble();

    public double Normal() => Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());

    public float[] Normals(long count, double scale = 1, double mean = 0) =>
        [.. Enumerable.Range(0, checked((int)count)).Select(_ => (float)(mean + (scale * Normal())))];

    /// <summary>Whole numbers in [-limit, limit]: their sums and products are exact in f32, so a result must be exact, whatever the order.</summary>
    public float[] Integers(long count, int limit) =>
        [.. Enumerable.Range(0, checked((int)count)).Select(_ => (float)(_random.Next((2 * limit) + 1) - limit))];

    public int[] Ids(long count, int below) => [.. Enumerable.Range(0, checked((int)count)).Select(_ => _random.Next(below))];

    public int[] Permutation(int count)
    {
        int[] all = [.. Enumerable.Range(0, count)];
        _random.Shuffle(all);
        return all;
    }
}
