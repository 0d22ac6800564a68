using System.Text.Json;
using KServePaged.Engine.Configuration;
using KServePaged.Engine.Core;
using KServePaged.Engine.Execution;
using KServePaged.Engine.Scheduling;
using KServePaged.TestSupport;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Engine.Tests;

/// <summary>
/// The first rule of the house: what a sequence gets does not depend on its neighbours, chunk sizes, preemption, cache hits or threads, down to
/// the last bit of every log-probability. Each request runs alone, then all of them in random company.
/// </summary>
public sealed class BatchInvarianceTests
{
    private const int MaxBatchedTokens = 256;
    private const int MaxSequences = 32;

    private static bool IsSlow => Environment.GetEnvironmentVariable("KSERVEPAGED_SLOW") == "1";

    [Theory]
    [InlineData("stories260K", "auto")]
    [InlineData("stories260K-bf16", "auto")]
    public void Outputs_AloneAndInRandomCompany_AreTheSameBits(string model, string isa) => Check(model, isa, IsSlow ? 200 : 60, batches: IsSlow ? 1 : 3); // few requests need several batches to push one another out

    [Theory]
    [InlineData("stories260K-bf16")]
    public void Outputs_WithAnInt8Cache_AreTheSameBits(string model) => Check(model, "auto", IsSlow ? 200 : 60, batches: IsSlow ? 1 : 3, cacheType: "int8");

    [Theory]
    [InlineData("stories260K", "scalar")]
    [InlineData("stories260K", "avx2")]
    [InlineData("stories260K", "avx512")]
    [InlineData("stories260K", "avx512_bf16")]
    [InlineData("stories260K-bf16", "scalar")]
    [InlineData("stories260K-bf16", "avx2")]
    [InlineData("stories260K-bf16", "avx512")]
    [InlineData("stories260K-bf16", "avx512_bf16")]
    [InlineData("stories260K-qwen2", "auto")]
    [InlineData("tiny-random-llama", "auto")]
    public void Outputs_OnEachInstructionSet_AreTheSameBits(string model, string isa)
    {
        if (!IsSlow)
        {
            Assert.Skip("slow: set KSERVEPAGED_SLOW=1");
        }
        Check(model, isa, 200, batches: 3);
    }

    /// <summary>Runs the requests alone, and then together in random company as often as asked.</summary>
    internal static void Check(string name, string isa, int count, int batches, string cacheType = "auto", string device = "cpu", bool isSmall = false)
    {
        using LoadedModel single = Load(name, isa, threads: 1, cacheType, device);
        InvarianceCase[] cases = InvarianceCase.Make(count, Story(), single.VocabularySize);
        List<int>[][] expected = [.. cases.Select(one => RunAlone(single, one))];
        using LoadedModel model = Load(name, isa, threads: 2, cacheType, device);
        int preempted = 0;
        int cached = 0;
        int largest = 0;
        for (int seed = 0; seed < batches; seed++)
        {
            using InvarianceRun run = RunTogether(model, cases, expected, new Random(seed));
            preempted += run.PreemptionCount;
            cached += run.CachedTokens;
            largest = Math.Max(largest, run.LargestBatch);
        }
        if (isSmall)
        {
            return; // too few requests to push one another out reliably
        }
        Assert.True(preempted > 3, $"only {preempted} preemptions");
        Assert.True(cached > 100, $"only {cached} tokens came from the prefix cache");
        Assert.True(largest > 7, $"the largest batch had {largest} sequences");
        TestContext.Current.TestOutputHelper?.WriteLine($"{count} requests: {preempted} preemptions, {cached} tokens cached, largest batch {largest}");
    }

    private static List<int>[] RunAlone(LoadedModel model, InvarianceCase one)
    {
        using var run = new InvarianceRun(model, model.BlockCount, new SchedulingLimits(1, MaxBatchedTokens, MaxBatchedTokens), sharePrefixes: false);
        CoreRequest request = run.Submit(one);
        while (run.Step())
        {
        }
        return run.Read(request);
    }

    // Half of the requests come at once, the rest while these run; the pool is too small for those that run together.
    private static InvarianceRun RunTogether(LoadedModel model, InvarianceCase[] cases, List<int>[][] expected, Random random)
    {
        int blocks = random.Next(40, 60);
        var limits = new SchedulingLimits(random.Next(12, MaxSequences + 1), random.Next(17, 120), random.Next(8, 40)) { MixedPromptTokens = random.Next(1, 60) };
        var run = new InvarianceRun(model, blocks, limits, sharePrefixes: true);
        int[] order = [.. Enumerable.Range(0, cases.Length)];
        random.Shuffle(order);
        var requests = new CoreRequest[cases.Length];
        int next = 0;
        bool busy = true;
        while (busy || next < order.Length)
        {
            for (int arrivals = next == 0 ? order.Length / 2 : random.Next(3); arrivals > 0 && next < order.Length; arrivals--)
            {
                requests[order[next]] = run.Submit(cases[order[next]]);
                next++;
            }
            if (random.Next(8) == 0)
            {
                run.Abort(run.Submit(cases[random.Next(cases.Length)])); // may still get a step, and leaves prefixes behind
            }
            busy = run.Step();
        }
        run.AssertIdle();
        for (int i = 0; i < cases.Length; i++)
        {
            List<int>[] outputs = run.Read(requests[i]);
            for (int output = 0; output < outputs.Length; output++)
            {
                Assert.NotEmpty(outputs[output]);
                Assert.True(expected[i][output].SequenceEqual(outputs[output]), $"request {i}, output {output}: {cases[i]}");
            }
        }
        return run;
    }

    private static LoadedModel Load(string name, string isa, int threads, string cacheType, string device)
    {
        var options = new EngineOptions
        {
            ModelPath = SharedData.PathOf($"models/{name}"),
            Device = device,
            Isa = isa,
            KvCacheDType = cacheType,
            Threads = threads,
            MaxSequences = MaxSequences,
            MaxBatchedTokens = MaxBatchedTokens,
            MaxModelLength = 256,
            KvCacheBytes = 16 << 20,
        };
        try
        {
            return ModelLoader.Load(options, progress: null, NullLogger.Instance, CancellationToken.None);
        }
        catch (InvalidDataException exception) when (exception.Message.StartsWith("isa is", StringComparison.Ordinal))
        {
            Assert.Skip(exception.Message);
            throw;
        }
    }

    private static int[] Story()
    {
        using var expected = JsonDocument.Parse(File.ReadAllBytes(SharedData.PathOf("models/stories260K_expected_public.json")));
        return [.. expected.RootElement.GetProperty("third_party").GetProperty("ids_257_incl_bos").EnumerateArray().Select(id => id.GetInt32())];
    }
}
