using KServePaged.TestSupport;

namespace KServePaged.Engine.Tests.Models;

/// <summary>A sequence's logits do not depend, down to the last bit, on neighbours, chunks or preemption: on each instruction set.</summary>
public sealed class BatchInvarianceTests
{
    private static bool IsSlow => Environment.GetEnvironmentVariable("KSERVEPAGED_SLOW") == "1";

    public static TheoryData<string, string> Cases => new MatrixTheoryData<string, string>(
        ["stories260K", "stories260K-bf16"], ["auto", "scalar", "avx2", "avx512", "avx512_bf16"]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Logits_WhenBatchedAtRandom_AreTheSameBits(string model, string isa)
    {
        using ModelRun run = LoadOrSkip(SharedData.PathOf($"models/{model}"), isa);
        var random = new Random(11);
        int[][] prompts = [.. Enumerable.Range(0, IsSlow ? 200 : 10).Select(_ => Prompt(random))];
        Trace[] alone = run.Run(prompts, 6, new AloneSchedule());

        for (int seed = 0; seed < (IsSlow ? 5 : 2); seed++)
        {
            Trace[] batched = run.Run(prompts, 6, new RandomSchedule(seed));
            Assert.All(alone.Zip(batched), pair => pair.First.AssertSameBits(pair.Second));
        }
    }

    private static ModelRun LoadOrSkip(string path, string isa)
    {
        try
        {
            return new ModelRun(path, options => options with { DType = "auto", Isa = isa, Threads = 3 });
        }
        catch (InvalidDataException exception) when (exception.Message.StartsWith("isa is", StringComparison.Ordinal))
        {
            Assert.Skip(exception.Message);
            throw; // Skip has thrown already
        }
    }

    private static int[] Prompt(Random random) =>
        [.. Enumerable.Range(0, random.Next(1, random.Next(4) == 0 ? 250 : 40)).Select(_ => random.Next(3, 512))];
}
