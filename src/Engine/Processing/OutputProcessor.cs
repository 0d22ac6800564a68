using KServePaged.Engine.Contracts;

namespace KServePaged.Engine.Processing;

/// <summary>Merges what the core puts out for a request into deltas, the start delta first. One request's own; its reader's thread.</summary>
internal sealed class OutputProcessor
{
    private readonly ProcessedRequest _request;
    private readonly TextCodec _codec;
    private readonly OutputText[] _outputs;
    private readonly List<TokenLogprob>? _promptLogprobs;
    private bool _started;

    /// <param name="endTokenIds">The model's own end tokens.</param>
    public OutputProcessor(ProcessedRequest request, TextCodec codec, IReadOnlyList<int> endTokenIds)
    {
        _request = request;
        _codec = codec;
        _outputs = [.. Enumerable.Range(0, request.OutputCount).Select(_ => new OutputText(request, codec, endTokenIds))];
        _promptLogprobs = request.Sampling.PromptLogprobs is null ? null : [Logprobs.OfFirst(request.PromptIds[0], codec)];
    }

    public int CachedPromptTokens { get; set; }

    public StageTimes Times { get; set; }

    public DateTimeOffset AcceptedAt { get; init; }

    /// <summary>When the request's first new token came, a timestamp of the engine's clock.</summary>
    public long? FirstTokenAt { get; set; }

    /// <summary>Every output has ended.</summary>
    public bool IsComplete => Array.TrueForAll(_outputs, output => output.Finish is not null);

    private Usage Usage => new(_request.PromptIds.Length, _outputs.Sum(output => output.TokenCount), CachedPromptTokens);

    /// <summary>A scored token of the prompt.</summary>
    public void AddPrompt(in SampledToken token) => _promptLogprobs?.Add(Logprobs.Of(token, _codec));

    /// <returns>True where the text ended the output and the core must be told.</returns>
    public bool Add(int outputIndex, in SampledToken token) => _outputs[outputIndex].Add(token);

    /// <summary>Takes out the deltas that are due.</summary>
    public IEnumerable<GenerationDelta> Take()
    {
        Usage usage = Usage;
        List<GenerationDelta> deltas = [];
        for (int i = 0; i < _outputs.Length; i++)
        {
            if (_outputs[i].Take(i, usage, Times) is { } delta)
            {
                deltas.Add(delta);
            }
        }
        // The start waits for the prompt's log-probabilities, but nothing comes before it.
        bool scored = _promptLogprobs is null || _promptLogprobs.Count == _request.PromptIds.Length;
        if (!_started && (scored || deltas.Count > 0))
        {
            _started = true;
            deltas.Insert(0, Start(scored));
        }
        return deltas;
    }

    private GenerationDelta Start(bool scored) => new()
    {
        IsStart = true,
        AcceptedAt = AcceptedAt,
        PromptTokenIds = _request.PromptIds,
        PromptText = _request.PromptText,
        PromptLogprobs = scored ? _promptLogprobs : null,
        Usage = new Usage(_request.PromptIds.Length, 0, CachedPromptTokens),
    };
}
