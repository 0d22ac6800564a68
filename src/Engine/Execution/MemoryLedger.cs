namespace KServePaged.Engine.Execution;

/// <summary>What each part takes of the device's memory.</summary>
internal sealed class MemoryLedger
{
    public const string Weights = "weights";

    private readonly List<(string Part, long Bytes)> _entries = [];
    private long _loadBytes;

    public IReadOnlyList<(string Part, long Bytes)> Parts => _entries;

    public long Total => _entries.Sum(entry => entry.Bytes);

    /// <summary>The most that is taken while weights are loaded: of what stays nothing else is there yet.</summary>
    public long LoadPeak => _loadBytes == 0 ? 0 : _loadBytes + _entries.Where(entry => entry.Part == Weights).Sum(entry => entry.Bytes);

    public void Add(string part, long bytes) => _entries.Add((part, bytes));

    /// <summary>What is freed before anything but the weights is taken.</summary>
    public void SetLoadBytes(long bytes) => _loadBytes = bytes;

    /// <summary>One line: each part with its size, in the order of <see cref="Add"/>.</summary>
    public override string ToString() =>
        string.Join(", ", _entries.Select(entry => $"{entry.Part} {ByteText.Of(entry.Bytes)}")) +
        (_loadBytes == 0 ? "" : $"; beside the weights while they are loaded {ByteText.Of(_loadBytes)}");
}
