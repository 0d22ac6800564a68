using KServePaged.Engine.Contracts;
using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Sampling;

/// <summary>
/// The sampling state of one sequence: its parameters as the kernel takes them, and the tokens that penalties look at, kept up to date with
/// every token it observes. Used by one thread at a time.
/// </summary>
internal sealed class SequenceSampling
{
    private const double GreedyBelow = 1e-5;
    private const double SmallestTemperature = 0.01;
    private const float LargestBias = 100;

    private readonly SamplingRow _row;
    private readonly int[] _biasIds;
    private readonly float[] _biasValues;
    private readonly int[] _endIds;
    private readonly int _minOutput;
    private readonly int _scoreLogprobs;
    private readonly bool _countsPrompt;
    private readonly bool _countsOutput;
    private bool _historyIsShared;
    private int[] _historyIds = [];
    private int[] _historyCounts = [];
    private int _historyLength;
    private int _outputLength;

    /// <param name="parameters">Checked already; null means neutral.</param>
    /// <param name="seed">Key of this sequence's noise.</param>
    /// <param name="vocabularySize">Bounds the tokens that can be counted.</param>
    /// <param name="endTokenIds">The model's end tokens, banned like the request's stop ids before its minimum of tokens.</param>
    public SequenceSampling(SamplingParameters parameters, ulong seed, int vocabularySize, IReadOnlyList<int> endTokenIds)
    {
        Seed = seed;
        VocabularySize = vocabularySize;
        _row = RowOf(parameters, seed);
        (_biasIds, _biasValues) = Sorted(parameters.LogitBias);
        _endIds = [.. parameters.StopTokenIds.Concat(endTokenIds).Distinct().Order()];
        _minOutput = parameters.MinTokens;
        _scoreLogprobs = parameters.PromptLogprobs ?? 0;
        _countsPrompt = _row.RepetitionPenalty != 1;
        _countsOutput = _countsPrompt || _row.PresencePenalty != 0 || _row.FrequencyPenalty != 0;
    }

    private SequenceSampling(SequenceSampling other, ulong seed)
    {
        Seed = seed;
        VocabularySize = other.VocabularySize;
        _row = other._row with { Seed = seed };
        _biasIds = other._biasIds;
        _biasValues = other._biasValues;
        _endIds = other._endIds;
        _minOutput = other._minOutput;
        _scoreLogprobs = other._scoreLogprobs;
        _countsPrompt = other._countsPrompt;
        _countsOutput = other._countsOutput;
        _historyIds = other._historyIds;
        _historyCounts = other._historyCounts;
        _historyLength = other._historyLength;
        _historyIsShared = other._historyIsShared = true;
    }

    public ulong Seed { get; }

    public int VocabularySize { get; }

    /// <summary>Whether a draw looks at the tokens before it.</summary>
    public bool ReadsOutput => _countsOutput;

    /// <summary>The state of another output of the same prompt, before its first token. Shares the prompt's history until one of them adds to it.</summary>
    public SequenceSampling ForOutput(ulong seed) =>
        _outputLength == 0 ? new(this, seed) : throw new InvalidOperationException("The output has begun.");

    /// <summary>Counts the prompt's tokens (the repetition penalty looks at them).</summary>
    public void ObservePrompt(ReadOnlySpan<int> tokens)
    {
        if (!_countsPrompt)
        {
            return;
        }
        int[] sorted = tokens.ToArray();
        Array.Sort(sorted);
        Reserve(sorted.Length);
        for (int i = 0; i < sorted.Length; i++)
        {
            if (i == 0 || sorted[i] != sorted[i - 1])
            {
                Count(sorted[i], 0);
            }
        }
    }

    /// <summary>Makes room to count this many tokens, so that counting them allocates nothing.</summary>
    public void ReserveOutput(int tokens)
    {
        if (_countsOutput)
        {
            Own();
            Reserve(tokens);
        }
    }

    /// <summary>Counts a generated token.</summary>
    public void ObserveOutput(int token)
    {
        _outputLength++;
        if (_countsOutput)
        {
            Count(token, 1);
        }
    }

    /// <summary>The row that draws the next token of the output.</summary>
    /// <param name="batch">Gets the row.</param>
    /// <param name="promised">Tokens that are drawn before it and not observed yet; 0 where <see cref="ReadsOutput"/>.</param>
    public void AddDraw(SamplingBatch batch, int promised = 0)
    {
        int index = _outputLength + promised;
        SamplingRow row = _row;
        row.Position = (ulong)index;
        batch.Add(
            row,
            _historyIds.AsSpan(0, _historyLength),
            _historyCounts.AsSpan(0, _historyLength),
            _biasIds,
            _biasValues,
            index < _minOutput ? _endIds : []);
    }

    /// <summary>A row that reports the log-probability of <paramref name="token"/>, which the prompt holds next.</summary>
    public void AddScore(SamplingBatch batch, int token)
    {
        SamplingRow row = SamplingRow.Plain;
        row.GivenToken = token;
        row.TopLogprobs = _scoreLogprobs;
        batch.Add(row, [], [], [], [], []);
    }

    private static SamplingRow RowOf(SamplingParameters parameters, ulong seed)
    {
        double temperature = parameters.Temperature ?? 1;
        SamplingRow row = SamplingRow.Plain;
        row.Temperature = temperature < GreedyBelow ? 0 : (float)Math.Max(temperature, SmallestTemperature);
        row.TopP = (float)(parameters.TopP ?? 1);
        row.MinP = (float)(parameters.MinP ?? 0);
        row.TopK = Math.Max(parameters.TopK ?? 0, 0);
        row.RepetitionPenalty = (float)(parameters.RepetitionPenalty ?? 1);
        row.PresencePenalty = (float)parameters.PresencePenalty;
        row.FrequencyPenalty = (float)parameters.FrequencyPenalty;
        row.TopLogprobs = parameters.TopLogprobs ?? -1;
        row.Seed = seed;
        return row;
    }

    private static (int[] Ids, float[] Values) Sorted(IReadOnlyDictionary<int, float>? bias)
    {
        KeyValuePair<int, float>[] ordered = bias is null ? [] : [.. bias.OrderBy(entry => entry.Key)];
        return (
            Array.ConvertAll(ordered, entry => entry.Key),
            Array.ConvertAll(ordered, entry => Math.Clamp(entry.Value, -LargestBias, LargestBias)));
    }

    private void Count(int token, int occurrences)
    {
        Own();
        int at = _historyIds.AsSpan(0, _historyLength).BinarySearch(token);
        if (at < 0)
        {
            at = ~at;
            Reserve(1);
            int behind = _historyLength - at;
            Array.Copy(_historyIds, at, _historyIds, at + 1, behind);
            Array.Copy(_historyCounts, at, _historyCounts, at + 1, behind);
            _historyIds[at] = token;
            _historyCounts[at] = 0;
            _historyLength++;
        }
        _historyCounts[at] += occurrences;
    }

    private void Own()
    {
        if (_historyIsShared)
        {
            _historyIds = [.. _historyIds];
            _historyCounts = [.. _historyCounts];
            _historyIsShared = false;
        }
    }

    private void Reserve(int more)
    {
        int needed = Math.Min(_historyLength + more, VocabularySize);
        if (needed > _historyIds.Length)
        {
            int size = Math.Min(Math.Max(needed, _historyIds.Length * 2), VocabularySize);
            Array.Resize(ref _historyIds, size);
            Array.Resize(ref _historyCounts, size);
        }
    }
}
