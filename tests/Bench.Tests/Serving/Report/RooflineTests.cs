using KServePaged.Serving.Load;
using KServePaged.Serving.Models;
using KServePaged.Serving.Report;

namespace KServePaged.Bench.Tests.Serving.Report;

public sealed class RooflineTests
{
    // Per layer: q and o 8 x 8 each, k and v 4 x 8 each, three of 16 x 8: 576; output matrix 100 x 8.
    private static readonly ModelShape Shape = new("shape", Hidden: 8, Layers: 3, Heads: 4, KvHeads: 2, Ffn: 16, Vocab: 100);

    [Fact]
    public void Weights_AreThoseOfTheMatrices()
    {
        Assert.Equal(3 * 576, Shape.LayerWeights);
        Assert.Equal(3 * 576 + 800, Shape.StepWeights);
        Assert.Equal(128_385_024, ModelShape.Small.StepWeights);
        Assert.Equal(1_034_420_224, ModelShape.Medium.StepWeights);
    }

    [Fact]
    public void StepSeconds_WhenMemoryBound_CountsWeightsAndCache()
    {
        var roofline = new Roofline(Shape, BytesPerWeight: 2, ReadBytes: 1000, Flops: 1e12);
        const double Cache = 5 * 10 * (2 * 3 * 4) * 2; // sequences, tokens, keys and values of 3 layers with 2 heads of 2, bytes
        Assert.Equal((2528 * 2 + Cache) / 1000, roofline.StepSeconds(5, 10), 1e-12);
    }

    [Fact]
    public void StepSeconds_WhenComputeBound_CountsProductsAndAttention()
    {
        var roofline = new Roofline(Shape, BytesPerWeight: 2, ReadBytes: 1e12, Flops: 1000);
        Assert.Equal(5 * (2 * 2528 + 4 * 3 * 8 * 10) / 1000.0, roofline.StepSeconds(5, 10), 1e-9);
    }

    [Fact]
    public void PrefillSeconds_NeedsTheOutputMatrixOnce()
    {
        var roofline = new Roofline(Shape, BytesPerWeight: 2, ReadBytes: 1e12, Flops: 1000);
        Assert.Equal((20 * 2 * 1728 + 2 * 800 + 20 * 4 * 3 * 8 * 10) / 1000.0, roofline.PrefillSeconds(20), 1e-9);
    }

    [Fact]
    public void RunSeconds_IsPrefillsAndBatchesOfTheStreams()
    {
        var roofline = new Roofline(Shape, BytesPerWeight: 2, ReadBytes: 1000, Flops: 1e6);
        LoadRequest[] requests = [new(new int[20], 11, RepeatsPrefix: false, 0), new(new int[20], 21, RepeatsPrefix: true, 0)];
        double expected = roofline.PrefillSeconds(20) + roofline.PrefillSeconds(5) + 30 / 2.0 * roofline.StepSeconds(2, 28);
        Assert.Equal(expected, roofline.RunSeconds(requests, streams: 8, cachedTokens: 15), 1e-9);
    }
}
