using KServePaged.Engine.Contracts;
using KServePaged.Engine.KvCache;
using KServePaged.Engine.Sampling;

namespace KServePaged.Engine.Core;

/// <summary>Makes the sequences of a request. Any thread.</summary>
/// <param name="hasher">Names the content of cache blocks.</param>
/// <param name="vocabularySize">Of the model.</param>
/// <param name="endTokenIds">The model's own end tokens.</param>
/// <param name="sharePrefixes">False: prefixes are found by the outputs of the same request only.</param>
internal sealed class CoreRequestFactory(BlockHasher hasher, int vocabularySize, IReadOnlyList<int> endTokenIds, bool sharePrefixes)
{
    private long _lastId;

    /// <param name="prompt">At least one id, all in the vocabulary; kept, never changed.</param>
    /// <param name="sampling">Checked and resolved; <see cref="SamplingParameters.MaxTokens"/> is not looked at.</param>
    /// <param name="maxNewTokens">At least 1; the prompt and these fit into the context.</param>
    /// <param name="outputCount">At least 1.</param>
    /// <param name="seed">Output i uses <paramref name="seed"/> + i.</param>
    /// <param name="cacheSalt">Prefixes are found under the same salt only; null = the common one.</param>
    /// <param name="arrivedAt">Timestamps of the engine's clock, like the two behind it.</param>
    public CoreRequest Create(
        int[] prompt,
        SamplingParameters sampling,
        int maxNewTokens,
        int outputCount,
        ulong seed,
        string? cacheSalt,
        long arrivedAt,
        long queuedAt,
        long? deadline)
    {
        long firstId = Interlocked.Add(ref _lastId, outputCount) - outputCount + 1;
        var request = new CoreRequest { ArrivedAt = arrivedAt, QueuedAt = queuedAt, Deadline = deadline, LiveCount = outputCount };
        UInt128? root = sharePrefixes ? hasher.Root(cacheSalt) : outputCount > 1 ? hasher.PrivateRoot(firstId) : null;
        int[] ends = [.. sampling.StopTokenIds.Concat(sampling.IgnoreEos ? [] : endTokenIds).Distinct().Order()];
        var first = new SequenceSampling(sampling, seed, vocabularySize, endTokenIds);
        first.ObservePrompt(prompt);
        var sequences = new LiveSequence[outputCount];
        for (int i = 0; i < outputCount; i++)
        {
            SequenceSampling own = i == 0 ? first : first.ForOutput(unchecked(seed + (ulong)i));
            sequences[i] = new LiveSequence(request, i, firstId + i, prompt, prompt.Length + maxNewTokens, own)
            {
                Blocks = new BlockTable { ChainRoot = root },
                EndTokenIds = ends,
                MinOutputLength = sampling.MinTokens,
                Leader = i == 0 ? null : sequences[0],
                ScoresPrompt = i == 0 && sampling.PromptLogprobs is not null,
                TopLogprobs = sampling.TopLogprobs ?? -1,
                PromptTopLogprobs = sampling.PromptLogprobs ?? 0,
            };
        }
        request.Sequences = sequences;
        return request;
    }
}
