using KServePaged.Engine;
using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Quality;

/// <summary>The engine's log-probabilities of every token of the vocabulary at the places of some texts that count.</summary>
internal static class Scorer
{
    /// <param name="model">Directory.</param>
    /// <param name="vocabulary">Its number of tokens.</param>
    /// <param name="setting">How weights and cache are stored.</param>
    /// <param name="texts">Made from the loaded model's tokenizer.</param>
    public static async Task<List<ScoredToken>> ScoreAsync(string model, int vocabulary, Setting setting, Func<ITextCodec, IEnumerable<ScoredText>> texts)
    {
        EngineOptions options = setting.Apply(new EngineOptions { ModelPath = model, KvCacheBytes = 64 << 20, MaxLogprobs = vocabulary, EnablePrefixCaching = false });
        await using ILlmEngine engine = await LlmEngine.LoadAsync(options, null, NullLoggerFactory.Instance, CancellationToken.None);
        var scored = new List<ScoredToken>();
        foreach (ScoredText text in texts(engine.Text))
        {
            IReadOnlyList<TokenLogprob> tokens = await LogprobsAsync(engine, text.Ids, vocabulary);
            scored.AddRange(tokens.Where((_, i) => text.Counts[i]).Select(token => ScoredToken.Of(token, vocabulary)));
        }
        return scored;
    }

    private static async Task<IReadOnlyList<TokenLogprob>> LogprobsAsync(ILlmEngine engine, int[] ids, int vocabulary)
    {
        var request = new GenerationRequest
        {
            RequestId = "quality",
            Prompt = new Prompt.TokenIds(ids),
            Sampling = new SamplingParameters { Temperature = 0, MaxTokens = 0, PromptLogprobs = vocabulary },
        };
        await foreach (GenerationDelta delta in engine.GenerateAsync(request, CancellationToken.None))
        {
            return delta.PromptLogprobs ?? throw new InvalidOperationException("the engine's first delta has no log-probabilities of the prompt");
        }
        throw new InvalidOperationException("the engine answered with nothing");
    }
}
