using KServePaged.Engine.Tests.Models;
using KServePaged.Engine.Tokenization;
using KServePaged.TestSupport;

namespace KServePaged.Engine.Tests.Weights;

/// <summary>What each quantization may cost against the same model without one; bench/Quality measures more and writes the table of the documents.</summary>
public sealed class QuantizationQualityTests(ITestOutputHelper output)
{
    /// <summary>Means over the positions compared: nats of divergence, share of equal best tokens, and both perplexities.</summary>
    private readonly record struct Quality(double Divergence, double Agreement, double Perplexity, double FullPerplexity);

    /// <summary>Answers that the demo model was never trained on.</summary>
    [Theory]
    [InlineData("int8", 0.002, 0.98)]
    [InlineData("int8-dynamic", 0.005, 0.96)]
    [InlineData("int4", 0.2, 0.8)]
    public void DemoModel_OnHeldOutAnswers(string quantization, double divergence, double agreement) =>
        Check("demo", DemoCorpus.ModelPath, "auto", quantization, HeldOut(), divergence, agreement);

    /// <summary>The model's own story: 260 thousand weights, of which each matters.</summary>
    [Theory]
    [InlineData("int8", 0.01, 0.95)]
    [InlineData("int8-dynamic", 0.02, 0.93)]
    [InlineData("int4", 0.6, 0.65)]
    public void Stories_OnTheirOwnStory(string quantization, double divergence, double agreement)
    {
        string path = SharedData.PathOf("models/stories260K");
        using var full = new ModelRun(path);
        int[] story = [1, .. full.Run([[1]], 256, new AloneSchedule())[0].Output];
        Check("stories260K", path, "float32", quantization, [(story, 1)], divergence, agreement);
    }

    private void Check(
        string name, string path, string type, string quantization, IReadOnlyList<(int[] Ids, int First)> texts, double divergence, double agreement)
    {
        using var full = new ModelRun(path, options => options with { DType = type });
        using var quantized = new ModelRun(path, options => options with { DType = type, Quantization = quantization });
        Quality quality = Compare(full, quantized, texts);
        output.WriteLine(
            $"{name} {quantization}: divergence {quality.Divergence:0.00000}, same best token {quality.Agreement:P1}, " +
            $"perplexity {quality.Perplexity:0.000} instead of {quality.FullPerplexity:0.000}");
        Assert.InRange(quality.Divergence, 1e-9, divergence);
        Assert.InRange(quality.Agreement, agreement, 1);
    }

    private static Quality Compare(ModelRun full, ModelRun quantized, IReadOnlyList<(int[] Ids, int First)> texts)
    {
        double divergence = 0;
        double same = 0;
        double loss = 0;
        double fullLoss = 0;
        int count = 0;
        foreach ((int[] ids, int first) in texts)
        {
            Trace expected = full.Run([ids], 0, new AloneSchedule())[0];
            Trace actual = quantized.Run([ids], 0, new AloneSchedule())[0];
            for (int position = first - 1; position < ids.Length - 1; position++, count++)
            {
                double[] p = LogProbabilities(expected.At(position));
                double[] q = LogProbabilities(actual.At(position));
                divergence += p.Zip(q, (a, b) => Math.Exp(a) * (a - b)).Sum();
                same += expected.ArgMax(position) == actual.ArgMax(position) ? 1 : 0;
                loss -= q[ids[position + 1]];
                fullLoss -= p[ids[position + 1]];
            }
        }
        return new Quality(divergence / count, same / count, Math.Exp(loss / count), Math.Exp(fullLoss / count));
    }

    private static double[] LogProbabilities(float[] logits)
    {
        double most = logits.Max();
        double sum = Math.Log(logits.Sum(logit => Math.Exp(logit - most))) + most;
        return [.. logits.Select(logit => logit - sum)];
    }

    /// <summary>Each conversation with the index of its answer's first token.</summary>
    private static List<(int[] Ids, int First)> HeldOut()
    {
        ITokenizer tokenizer = TokenizerJson.Load(DemoCorpus.ModelPath)!; // the demo model has one
        var texts = new List<(int[] Ids, int First)>();
        string? question = null;
        foreach (string line in File.ReadLines(Path.Combine(DemoCorpus.ModelPath, "..", "..", "eng", "demo-model", "held_out.txt")))
        {
            if (line.StartsWith("Q: ", StringComparison.Ordinal))
            {
                question = line[3..];
            }
            else if (line.StartsWith("A: ", StringComparison.Ordinal) && question is not null)
            {
                int[] prompt = [0, .. tokenizer.Encode($"<|user|>{question}<|end|><|assistant|>", addSpecialTokens: false)];
                texts.Add(([.. prompt, .. tokenizer.Encode($"{line[3..]}<|end|>", addSpecialTokens: false)], prompt.Length));
                question = null;
            }
        }
        Assert.InRange(texts.Count, 40, 1000);
        return texts;
    }
}
