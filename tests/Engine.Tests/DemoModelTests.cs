using System.Collections.Concurrent;
using System.Text.Json;
using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.TestSupport;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Engine.Tests;

/// <summary>The embedded model through the whole engine: text in, text out, batches, prefix cache and the model's own defaults (greedy).</summary>
public sealed class DemoModelTests(ITestOutputHelper output)
{
    private const double LeastShare = 0.95;

    [Fact]
    public async Task GenerateAsync_ForTheCorpusQuestions_AnswersWordForWord()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        await using ILlmEngine engine = await LlmEngine.LoadAsync(
            new EngineOptions { ModelPath = DemoCorpus.ModelPath, KvCacheBytes = 64 << 20 }, null, NullLoggerFactory.Instance, cancellation);
        DemoCorpus.Question[] questions = [.. DemoCorpus.Read()];
        Assert.True(questions.Length > 3000, $"only {questions.Length} questions were read");
        var misses = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(
            questions,
            new ParallelOptions { MaxDegreeOfParallelism = 256, CancellationToken = cancellation },
            async (question, token) =>
            {
                string answer = await AnswerAsync(engine, question, token);
                if (answer != question.Answer)
                {
                    misses.Add($"? {question}\n  = {question.Answer}\n  ≠ {answer}");
                }
            });
        foreach (string miss in misses.Order(StringComparer.Ordinal))
        {
            output.WriteLine(miss);
        }
        double share = 1 - (misses.Count / (double)questions.Length);
        output.WriteLine($"{questions.Length - misses.Count} of {questions.Length} questions word for word: {share:P2}");
        Assert.True(share >= LeastShare, $"{share:P2} of the answers are word for word; at least {LeastShare:P0} must be");
        Assert.Equal(0, engine.Statistics.UsedBlocks);
    }

    private static async Task<string> AnswerAsync(ILlmEngine engine, DemoCorpus.Question question, CancellationToken cancellationToken)
    {
        Prompt prompt = question.Messages is null
            ? new Prompt.Text(question.Text!) // a question is one of the two
            : new Prompt.Chat(JsonDocument.Parse(question.Messages.ToJsonString()).RootElement);
        var request = new GenerationRequest { RequestId = "demo", Prompt = prompt, Sampling = new SamplingParameters { MaxTokens = 300 } };
        string answer = "";
        await foreach (GenerationDelta delta in engine.GenerateAsync(request, cancellationToken))
        {
            answer += delta.Text;
        }
        return answer;
    }
}
