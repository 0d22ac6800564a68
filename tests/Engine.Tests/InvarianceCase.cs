using KServePaged.Engine.Contracts;

namespace KServePaged.Engine.Tests;

/// <summary>One request of the batch-invariance suite.</summary>
internal sealed record InvarianceCase(int[] Prompt, int MaxNewTokens, int OutputCount, SamplingParameters Sampling, ulong Seed)
{
    /// <summary>Requests that share prefixes and use every part of sampling.</summary>
    /// <param name="story">Ids of a text that the model knows; prompts begin with pieces of it.</param>
    public static InvarianceCase[] Make(int count, int[] story, int vocabulary)
    {
        var random = new Random(20_261);
        int[] prefixLengths = [1, 7, 16, 33, 64, 100];
        return [.. Enumerable.Range(0, count).Select(_ => Draw(random, story[..prefixLengths[random.Next(prefixLengths.Length)]], vocabulary))];
    }

    private static InvarianceCase Draw(Random random, int[] prefix, int vocabulary)
    {
        int[] prompt = [.. prefix, .. Enumerable.Range(0, random.Next(0, 40)).Select(_ => random.Next(3, vocabulary))];
        bool greedy = random.Next(3) == 0;
        var sampling = new SamplingParameters
        {
            Temperature = greedy ? 0 : 0.5 + random.NextDouble(),
            TopP = random.Next(2) == 0 ? 1 : 0.9,
            TopK = random.Next(2) == 0 ? 0 : 40,
            MinP = random.Next(3) == 0 ? 0.02 : 0,
            RepetitionPenalty = random.Next(3) == 0 ? 1.2 : 1,
            PresencePenalty = random.Next(4) == 0 ? 0.4 : 0,
            FrequencyPenalty = random.Next(4) == 0 ? 0.3 : 0,
            LogitBias = random.Next(5) == 0 ? new Dictionary<int, float> { [random.Next(vocabulary)] = 3, [random.Next(vocabulary)] = -3 } : null,
            MinTokens = random.Next(4) == 0 ? 3 : 0,
            StopTokenIds = random.Next(5) == 0 ? [random.Next(3, vocabulary)] : [],
            TopLogprobs = random.Next(6),
            PromptLogprobs = random.Next(8) == 0 ? 2 : null,
        };
        return new InvarianceCase(prompt, random.Next(1, 110), greedy || random.Next(6) > 0 ? 1 : 3, sampling, (ulong)random.NextInt64());
    }
}
