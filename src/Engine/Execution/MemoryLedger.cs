namespace KServePaged.Engine.Execution;

/// <summary>What each part takes of the device's memory.</summary>
internal sealed class MemoryLedger
{
    private readonly List<(string Part, long Bytes)> _entries = [];

    public IReadOnlyList<(string Part, long Bytes)> Parts => _entries;

    public long Total => _entries.Sum(entry => entry.Bytes);

    public void Add(string part, long bytes) => _entries.Add((part, bytes));

    /// <summary>One line: each part with its size.</summary>
    public override string ToString() => string.Join(", ", _entries.Select(entry => $"{entry.Part} {ByteText.Of(entry.Bytes)}"));
}
