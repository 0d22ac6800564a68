using System.Text;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Tokenization;

namespace KServePaged.Engine.Processing;

/// <summary>One output from its tokens: text, stop strings, log-probabilities, and how it ended.</summary>
internal sealed class OutputText
{
    private readonly ProcessedRequest _request;
    private readonly TextCodec _codec;
    private readonly IReadOnlyList<int> _endTokenIds;
    private readonly IncrementalDetokenizer? _detokenizer;
    private readonly StopStrings _stops;
    private readonly StringBuilder _text = new();
    private List<int> _ids = [];
    private List<TokenLogprob> _logprobs = [];
    private bool _hasNews;
    private int? _stopTokenId;

    /// <param name="endTokenIds">The model's own end tokens.</param>
    public OutputText(ProcessedRequest request, TextCodec codec, IReadOnlyList<int> endTokenIds)
    {
        _request = request;
        _codec = codec;
        _endTokenIds = endTokenIds;
        _stops = new StopStrings(request.Sampling.Stop, request.Sampling.IncludeStopStringInOutput);
        _detokenizer = codec.Tokenizer is { } tokenizer ? Primed(tokenizer, request) : null;
    }

    /// <summary>New tokens so far, end and stop tokens included.</summary>
    public int TokenCount { get; private set; }

    /// <summary>Null while it goes on.</summary>
    public FinishReason? Finish { get; private set; }

    /// <summary>Takes what the core put out; nothing once the output has ended here, though the core may not know it yet.</summary>
    /// <returns>True where the text ended the output and the core must be told.</returns>
    public bool Add(in SampledToken token)
    {
        if (Finish is not null)
        {
            return false;
        }
        _hasNews = true;
        if (token.Id >= 0)
        {
            TokenCount++;
            AddToken(token);
        }
        if (Finish is null && token.Finish is { } reason)
        {
            End(reason);
        }
        return _stops.Found is not null && token.Finish is null;
    }

    /// <summary>Takes out what has come since the last call.</summary>
    /// <returns>Null where nothing has.</returns>
    public GenerationDelta? Take(int outputIndex, Usage usage, in StageTimes times)
    {
        if (!_hasNews)
        {
            return null;
        }
        var delta = new GenerationDelta
        {
            OutputIndex = outputIndex,
            Text = _text.ToString(),
            TokenIds = _ids,
            Logprobs = _logprobs.Count > 0 ? _logprobs : [],
            FinishReason = Finish,
            StopString = _stops.Found,
            StopTokenId = _stopTokenId,
            QueueTime = times.Queue,
            PrefillTime = times.Prefill,
            DecodeTime = times.Decode,
            Usage = usage,
        };
        _text.Clear();
        _ids = [];
        if (_logprobs.Count > 0)
        {
            _logprobs = [];
        }
        _hasNews = false;
        return delta;
    }

    private void AddToken(in SampledToken token)
    {
        if (_request.HidesOutput)
        {
            return;
        }
        _ids.Add(token.Id);
        if (_request.Sampling.TopLogprobs is not null)
        {
            _logprobs.Add(Logprobs.Of(token, _codec));
        }
        bool endsByToken = token.Finish == FinishReason.Stop;
        if (endsByToken && !(_endTokenIds.Contains(token.Id) && !_request.Sampling.IgnoreEos))
        {
            _stopTokenId = token.Id;
        }
        if (!endsByToken || _request.Sampling.IncludeStopStringInOutput)
        {
            Push(_detokenizer?.Add(token.Id) ?? "");
        }
    }

    private void Push(string piece)
    {
        _text.Append(_stops.Push(piece, search: TokenCount > _request.Sampling.MinTokens));
        if (_stops.Found is not null)
        {
            Finish = FinishReason.Stop;
            _stopTokenId = null;
        }
    }

    private void End(FinishReason reason)
    {
        Finish = _request.HidesOutput && reason == FinishReason.Stop ? FinishReason.Length : reason;
        if (_request.HidesOutput)
        {
            return;
        }
        Push(_detokenizer?.Finish() ?? "");
        if (_stops.Found is null)
        {
            _text.Append(_stops.Flush());
        }
    }

    // A token's text depends on what stands before it (a leading space at the very beginning is dropped), so the last tokens of the prompt go
    // first, from a place where no character is cut.
    private static IncrementalDetokenizer Primed(ITokenizer tokenizer, ProcessedRequest request)
    {
        const int FewestTokens = 4;
        const int MostTokens = 24;
        ReadOnlySpan<int> prompt = request.PromptIds;
        bool skipSpecial = request.Sampling.SkipSpecialTokens;
        int count = Math.Min(FewestTokens, prompt.Length);
        while (count < Math.Min(MostTokens, prompt.Length) && tokenizer.Decode(prompt[^count..], skipSpecial).Contains('\uFFFD'))
        {
            count++;
        }
        IncrementalDetokenizer detokenizer = tokenizer.CreateDetokenizer(skipSpecial);
        foreach (int id in prompt[^count..])
        {
            detokenizer.Add(id);
        }
        return detokenizer;
    }
}
