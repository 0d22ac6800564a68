namespace KServePaged.Engine.Scheduling;

/// <summary>Sequences in order of arrival. A preempted one that is put back stands before all that came later.</summary>
internal sealed class SequenceList
{
    private readonly List<Sequence> _sequences = [];

    public int Count => _sequences.Count;

    public Sequence this[int index] => _sequences[index];

    public Sequence Last => _sequences[^1];

    public void Add(Sequence sequence)
    {
        int at = IndexAfter(sequence.Id);
        if (at > 0 && _sequences[at - 1].Id == sequence.Id)
        {
            throw new InvalidOperationException($"Sequence {sequence.Id} is here already.");
        }
        _sequences.Insert(at, sequence);
    }

    public void Remove(Sequence sequence)
    {
        int at = IndexAfter(sequence.Id) - 1;
        if (at < 0 || _sequences[at] != sequence)
        {
            throw new InvalidOperationException($"Sequence {sequence.Id} is not here.");
        }
        _sequences.RemoveAt(at);
    }

    // Arrivals come at the end nearly always, so the search starts there.
    private int IndexAfter(long id)
    {
        int low = 0;
        int high = _sequences.Count;
        if (high > 0 && _sequences[high - 1].Id <= id)
        {
            return high;
        }
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_sequences[middle].Id <= id)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }
        return low;
    }
}
