using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using KServePaged.Kernels.Tests.Harness;
using KServePaged.Kernels.Tests.Oracle;

namespace KServePaged.Kernels.Tests;

/// <summary>
/// vLLM's recorded cases. The oracle must keep what vLLM keeps, with its probabilities; the kernel must then draw what the oracle draws,
/// and at the cut: positions are searched at which the last kept, or the first dropped, id would win if it took part.
/// </summary>
public sealed class SampleReferenceTests
{
    private sealed record Reference(SampleCase Case, SamplingOracle Oracle, JsonElement Expected, (ulong Position, int Token)[] Draws);

    private const ulong Seed = 0x9E3779B97F4A7C15;

    private static readonly Lazy<Reference[]> References = new(() => [.. ReferenceLogits.Root.GetProperty("cases").EnumerateArray()
        .Where(one => one.GetProperty("engines").TryGetProperty("vllm", out _))
        .Select(Read)]);

    [Fact]
    public void GeneratedLogits_AreThoseOfTheFile()
    {
        foreach (JsonProperty logits in ReferenceLogits.Root.GetProperty("logits").EnumerateObject())
        {
            byte[] bytes = MemoryMarshal.AsBytes<float>(ReferenceLogits.Generate(logits.Name)).ToArray();
            Assert.Equal(logits.Value.GetProperty("sha256_f32_le").GetString(), Convert.ToHexStringLower(SHA256.HashData(bytes)));
        }
    }

    [Fact]
    public void Oracle_KeepsWhatVllmKeeps()
    {
        _ = ReferenceLogits.Root;
        Assert.True(References.Value.Length > 100);
        Assert.All(References.Value, reference =>
        {
            SamplingOracle oracle = reference.Oracle;
            Assert.Equal(reference.Expected.GetProperty("argmax_before_temperature").GetInt32(), oracle.Greedy);
            Assert.Equal(reference.Expected.GetProperty("kept").GetInt32(), oracle.Kept.Length);
            if (reference.Expected.TryGetProperty("kept_sha256_i32_le", out JsonElement hash))
            {
                byte[] ids = MemoryMarshal.AsBytes<int>(oracle.Kept.Order().ToArray()).ToArray();
                Assert.Equal(hash.GetString(), Convert.ToHexStringLower(SHA256.HashData(ids)));
            }
            else
            {
                Assert.Empty(reference.Expected.GetProperty("kept_above_cut").EnumerateArray().Select(id => id.GetInt32()).Except(oracle.Kept));
            }
            foreach (JsonElement top in reference.Expected.GetProperty("top").EnumerateArray())
            {
                Assert.Equal(top[1].GetDouble(), oracle.Probability(top[0].GetInt32()), 1e-6);
            }
        });
    }

    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void Sample_EachCase_DrawsWhatTheOracleDraws(KernelTarget target)
    {
        _ = ReferenceLogits.Root;
        Rig.RunTable(target, References.Value, (rig, reference) =>
        {
            SampleCase c = reference.Case;
            SampleCase[] rows = [.. reference.Draws.Select(draw => c with { Position = draw.Position }), c with { Temperature = 0 }];
            Assert.Equal([.. reference.Draws.Select(draw => draw.Token), reference.Oracle.Greedy], SampleBatch.Run(rig, rows).Tokens);
        });
    }

    /// <summary>The example log-probabilities of the file: raw ones, whatever is drawn from.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void Sample_OfAGivenToken_ReportsVllmsLogprobs(KernelTarget target)
    {
        JsonElement[] examples = [.. ReferenceLogits.Root.GetProperty("logprobs").EnumerateArray()];
        Assert.NotEmpty(examples);
        Rig.RunTable(target, examples, (rig, example) =>
        {
            var row = new SampleCase(ReferenceLogits.Generate(example.GetProperty("logits").GetString()!))
            {
                GivenToken = example.GetProperty("sampled_token").GetInt32(),
                TopLogprobs = 5,
            };
            SampleBatch result = SampleBatch.Run(rig, [row]);
            Assert.Equal(row.GivenToken, result.Tokens[0]);
            Assert.Equal(example.GetProperty("raw_logprob_of_sampled").GetDouble(), result.Logprobs[0], 2e-6);
            Assert.Equal(example.GetProperty("rank_of_sampled").GetInt32(), result.Ranks[0]);
            JsonElement[] top = [.. example.GetProperty("raw_logprobs_top5").EnumerateArray()];
            Assert.Equal(top.Select(pair => pair[0].GetInt32()), result.TopIds);
            Assert.All(top.Zip(result.TopLogprobs), pair => Assert.Equal(pair.First[1].GetDouble(), pair.Second, 2e-6));
        });
    }

    private static Reference Read(JsonElement one)
    {
        JsonElement parameters = one.GetProperty("params");
        int[] prompt = Ids(one, "prompt_ids");
        int[] output = Ids(one, "output_ids");
        float[] logits = ReferenceLogits.Generate(one.GetProperty("logits").GetString()!);
        var c = new SampleCase(logits)
        {
            Name = one.GetProperty("name").GetString()!,
            Temperature = Number("temperature", 1),
            TopP = Number("top_p", 1),
            MinP = Number("min_p", 0),
            TopK = (int)Number("top_k", 0),
            Repetition = Number("repetition_penalty", 1),
            Presence = Number("presence_penalty", 0),
            Frequency = Number("frequency_penalty", 0),
            History = [.. prompt.Concat(output).Distinct().Order().Select(id => (id, output.Count(seen => seen == id)))],
            Bias = !parameters.TryGetProperty("logit_bias", out JsonElement bias) ? []
                : [.. bias.EnumerateObject().Select(pair => (int.Parse(pair.Name), pair.Value.GetSingle())).OrderBy(pair => pair.Item1)],
            Banned = [.. Banned(parameters, output, logits.Length)],
            Seed = Seed,
        };
        SampleCase seen = c.Temperature == 0 ? c with { TopP = 1, TopK = 0, MinP = 0 } : c;
        var oracle = new SamplingOracle(seen);
        return new Reference(seen, oracle, one.GetProperty("engines").GetProperty("vllm"), c.Temperature == 0 ? [] : Draws(oracle));

        float Number(string name, float absent) => parameters.TryGetProperty(name, out JsonElement value) ? value.GetSingle() : absent;
    }

    private static (ulong Position, int Token)[] Draws(SamplingOracle oracle)
    {
        int count = oracle.Kept.Length > 5000 ? 12 : 100;
        int attempts = oracle.Kept.Length > 5000 ? 20_000 : 200_000;
        var draws = new List<(ulong, int)>();
        for (ulong position = 0; position < (ulong)count; position++)
        {
            if (oracle.Draw(Seed, position) is { } token)
            {
                draws.Add((position, token));
            }
        }
        if (oracle.LargestDropped is { } dropped && oracle.PositionWonBy(dropped, Seed, attempts) is { } tempting
            && oracle.Draw(Seed, tempting) is { } instead)
        {
            draws.Add((tempting, instead));
        }
        if (oracle.PositionWonBy(oracle.Kept[^1], Seed, attempts) is { } rare)
        {
            draws.Add((rare, oracle.Kept[^1]));
        }
        return [.. draws];
    }

    /// <summary>What the engine turns into banned ids before the kernel: allowed ids, bad words that would be completed, stop ids too early.</summary>
    private static IEnumerable<int> Banned(JsonElement parameters, int[] output, int vocabulary)
    {
        if (parameters.TryGetProperty("allowed_token_ids", out _))
        {
            foreach (int id in Enumerable.Range(0, vocabulary).Except(Ids(parameters, "allowed_token_ids")))
            {
                yield return id;
            }
        }
        if (parameters.TryGetProperty("bad_words_token_ids", out JsonElement words))
        {
            foreach (int[] word in words.EnumerateArray().Select(word => word.EnumerateArray().Select(id => id.GetInt32()).ToArray()))
            {
                if (output.Length >= word.Length - 1 && output.AsSpan()[^(word.Length - 1)..].SequenceEqual(word.AsSpan()[..^1]))
                {
                    yield return word[^1];
                }
            }
        }
        if (parameters.TryGetProperty("min_tokens", out JsonElement least) && output.Length < least.GetInt32())
        {
            foreach (int id in Ids(parameters, "stop_token_ids"))
            {
                yield return id;
            }
        }
    }

    private static int[] Ids(JsonElement parent, string name) => [.. parent.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];
}
