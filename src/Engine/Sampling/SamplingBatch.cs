using System.Runtime.InteropServices;
using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Sampling;

/// <summary>The rows of one sampling call, in the order of the logits, with the lists that they point into. Reused; grows only.</summary>
internal sealed class SamplingBatch
{
    private readonly List<SamplingRow> _rows = [];
    private readonly List<int> _history = [];
    private readonly List<int> _historyCounts = [];
    private readonly List<int> _biasIds = [];
    private readonly List<float> _biasValues = [];
    private readonly List<int> _bannedIds = [];

    public int RowCount => _rows.Count;

    public ReadOnlySpan<SamplingRow> Rows => CollectionsMarshal.AsSpan(_rows);

    public ReadOnlySpan<int> History => CollectionsMarshal.AsSpan(_history);

    public ReadOnlySpan<int> HistoryCounts => CollectionsMarshal.AsSpan(_historyCounts);

    public ReadOnlySpan<int> BiasIds => CollectionsMarshal.AsSpan(_biasIds);

    public ReadOnlySpan<float> BiasValues => CollectionsMarshal.AsSpan(_biasValues);

    public ReadOnlySpan<int> BannedIds => CollectionsMarshal.AsSpan(_bannedIds);

    public void Clear()
    {
        _rows.Clear();
        _history.Clear();
        _historyCounts.Clear();
        _biasIds.Clear();
        _biasValues.Clear();
        _bannedIds.Clear();
    }

    /// <param name="row">Its ranges are filled in here.</param>
    /// <param name="history">Ascending, each id once.</param>
    /// <param name="historyCounts">Beside <paramref name="history"/>.</param>
    /// <param name="biasIds">Ascending, each id once.</param>
    /// <param name="biasValues">Beside <paramref name="biasIds"/>.</param>
    /// <param name="bannedIds">Ids that must not be drawn.</param>
    public void Add(
        SamplingRow row,
        ReadOnlySpan<int> history,
        ReadOnlySpan<int> historyCounts,
        ReadOnlySpan<int> biasIds,
        ReadOnlySpan<float> biasValues,
        ReadOnlySpan<int> bannedIds)
    {
        row.HistoryStart = _history.Count;
        row.HistoryCount = history.Length;
        row.BiasStart = _biasIds.Count;
        row.BiasCount = biasIds.Length;
        row.BannedStart = _bannedIds.Count;
        row.BannedCount = bannedIds.Length;
        _rows.Add(row);
        _history.AddRange(history);
        _historyCounts.AddRange(historyCounts);
        _biasIds.AddRange(biasIds);
        _biasValues.AddRange(biasValues);
        _bannedIds.AddRange(bannedIds);
    }
}
