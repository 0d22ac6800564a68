using KServePaged.Gpu.Engine;

namespace KServePaged.Bench.Tests.Gpu.Engine;

public sealed class RooflineTests
{
    // Per layer: q and o 8 x 8 each, k and v 4 x 8 each, three of 16 x 8: 576; output matrix 100 x 8.
    private static readonly ModelShape Shape = new("shape", Hidden: 8, Layers: 3, Heads: 4, KvHeads: 2, HeadDim: 2, Ffn: 16, Vocab: 100, Tied: false);

    private static readonly Roofline Memory = new(Shape, new Ceilings(Bytes: 1000, Operations: 1e12));
    private static readonly Roofline Products = new(Shape, new Ceilings(Bytes: 1e12, Operations: 1000));

    /// <summary>The floors of Llama-3-8B at the bandwidth that its vendor gives an H200.</summary>
    [Fact]
    public void StepSeconds_OfLlama8B_IsThePublishedFloor()
    {
        var roofline = new Roofline(ModelShape.Named("8B"), new Ceilings(Bytes: 4.8e12, Operations: 1e15));
        Assert.Equal(3.13e-3, roofline.StepSeconds(1, 0), 0.005e-3);
        Assert.Equal(131_072, ModelShape.Named("8B").TokenBytes);
    }

    [Fact]
    public void StepSeconds_IsTheLongerOfBytesAndProducts()
    {
        const double Cache = 5 * 10 * (2 * 3 * 2 * 2) * 2; // sequences, tokens, keys and values of 3 layers with 2 heads of 2, bytes
        Assert.Equal((2 * 2528 + Cache) / 1000, Memory.StepSeconds(5, 10), 1e-9);
        Assert.Equal(5 * (2 * 2528 + 4 * 3 * 8 * 10) / 1000.0, Products.StepSeconds(5, 10), 1e-9);
    }

    [Fact]
    public void PrefillSeconds_NeedsTheOutputMatrixOnceAPromptAndTheWeightsOnce()
    {
        Assert.Equal(7 * (20 * 2 * 1728 + 2 * 800 + 2 * 3 * 8 * 20 * 21) / 1000.0, Products.PrefillSeconds(20, prompts: 7), 1e-9);
        Assert.Equal(2 * 2528 / 1000.0, Memory.PrefillSeconds(20, prompts: 7), 1e-9);
    }

    [Fact]
    public void RunSeconds_BeyondTheCache_TakesSequencesInTurn()
    {
        var point = new EnginePoint(PromptTokens: 6, OutputTokens: 4, Streams: 8);
        double together = Memory.RunSeconds(point, cacheTokens: 1000);
        Assert.Equal(Memory.PrefillSeconds(6, 8) + Memory.StepSeconds(8, 7) + Memory.StepSeconds(8, 8) + Memory.StepSeconds(8, 9), together, 1e-9);
        double inTurn = Memory.RunSeconds(point, cacheTokens: 20);
        Assert.Equal(Memory.PrefillSeconds(6, 8) + 4 * (Memory.StepSeconds(2, 7) + Memory.StepSeconds(2, 8) + Memory.StepSeconds(2, 9)), inTurn, 1e-9);
    }
}
