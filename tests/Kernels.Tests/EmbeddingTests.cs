using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Tests.Harness;

namespace KServePaged.Kernels.Tests;

public sealed class EmbeddingTests
{
    internal sealed record Case(int Vocabulary, int Hidden, int Tokens, ElementType Type, int Skew = 0);

    private static IEnumerable<Case> Cases =>
        from type in Enum.GetValues<ElementType>()
        from shape in new (int Vocabulary, int Hidden, int Tokens, int Skew)[]
        {
            (1, 1, 0, 0), (1, 1, 1, 0), (5, 3, 7, 1), (17, 64, 1, 0), (100, 65, 33, 3), (300, 1000, 19, 0), (11, 4099, 5, 1),
        }
        select new Case(shape.Vocabulary, shape.Hidden, shape.Tokens, type, shape.Skew);

    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void Embedding_EachCase_CopiesTheRowsExactly(KernelTarget target) => Rig.RunTable(target, Cases, (rig, c) =>
    {
        var noise = new Noise(c.Hidden + c.Tokens);
        float[] table = Elements.Round(noise.Normals((long)c.Vocabulary * c.Hidden), c.Type);
        int[] ids = noise.Ids(c.Tokens, c.Vocabulary);
        DeviceArray<float> y = rig.Allocate<float>((long)c.Tokens * c.Hidden, c.Skew);

        rig.Stream.Embedding(
            rig.Upload(Elements.Encode(table, c.Type), c.Skew * c.Type.Bytes()).Address, c.Type, c.Vocabulary, c.Hidden, rig.Upload(ids, c.Skew).Address, 0, c.Tokens, y.Address);

        Expect.SameBits([.. ids.SelectMany(id => table.Skip(id * c.Hidden).Take(c.Hidden))], y.Read());
    });

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Embedding_WithSpecialValues_KeepsThem(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        foreach (ElementType type in Enum.GetValues<ElementType>())
        {
            float[] table = Elements.Round([0f, -0f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 1e-40f, 6e-8f, 65504f, -1f], type);
            DeviceArray<float> y = rig.Allocate<float>(table.Length);
            rig.Stream.Embedding(rig.Upload(Elements.Encode(table, type)).Address, type, 1, table.Length, rig.Upload([0]).Address, 0, 1, y.Address);
            Expect.SameBits(table, y.Read(), type.ToString());
        }
    }

    /// <summary>Ids that only the device knows; a row that sampling gave up (-1) takes the first.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void Embedding_OfSampledTokens_TakesTheirRows(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        float[] table = [.. Enumerable.Range(0, 15).Select(i => (float)i)];
        DeviceArray<float> y = rig.Allocate<float>(5 * 3);
        rig.Stream.Embedding(
            rig.Upload(table).Address, ElementType.Float32, 5, 3, rig.Upload([-1, 2, -3, -2, 0]).Address, rig.Upload([4, -1, 1]).Address, 5, y.Address);
        Expect.SameBits([.. new[] { 4, 2, 1, 0, 0 }.SelectMany(id => table.Skip(id * 3).Take(3))], y.Read());
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Embedding_WithBadArguments_Refuses(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        nint table = rig.Upload(new float[8]).Address;
        nint y = rig.Allocate<float>(4).Address;
        nint Ids(int id) => rig.Upload([0, id]).Address;

        if (target.ChecksContents)
        {
            Expect.InvalidArgument(() => rig.Stream.Embedding(table, ElementType.Float32, 4, 2, Ids(4), 0, 2, y), "id = vocabulary");
            Expect.InvalidArgument(() => rig.Stream.Embedding(table, ElementType.Float32, 4, 2, Ids(-1), 0, 2, y), "id < 0 without sampled tokens");
            Expect.InvalidArgument(() => rig.Stream.Embedding(table, ElementType.Float32, 4, 2, Ids(-1), rig.Upload([4]).Address, 2, y), "sampled id = vocabulary");
        }
        Expect.InvalidArgument(() => rig.Stream.Embedding(0, ElementType.Float32, 4, 2, Ids(1), 0, 2, y), "no table");
        Expect.InvalidArgument(() => rig.Stream.Embedding(table, ElementType.Float32, 4, 2, 0, 0, 2, y), "no ids");
        Expect.InvalidArgument(() => rig.Stream.Embedding(table, ElementType.Float32, 4, 2, Ids(1), 0, 2, 0), "no y");
        Expect.InvalidArgument(() => rig.Stream.Embedding(table, (ElementType)9, 4, 2, Ids(1), 0, 2, y), "type");
        Expect.InvalidArgument(() => rig.Stream.Embedding(table, ElementType.Float32, 4, 2, Ids(1), 0, -1, y), "tokens < 0");
        Expect.InvalidArgument(() => rig.Stream.Embedding(table, ElementType.Float32, 4, 0, Ids(1), 0, 2, y), "hidden = 0");
        Expect.InvalidArgument(() => rig.Stream.Embedding(table, ElementType.Float32, 0, 2, Ids(1), 0, 2, y), "vocabulary = 0");
        Expect.InvalidArgument(() => rig.Stream.Embedding(table, ElementType.Float32, long.MaxValue, long.MaxValue, Ids(1), 0, 2, y), "overflow");
    }
}
