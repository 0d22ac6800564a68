namespace KServePaged.Serving.Load;

/// <summary>An answer as it came in: its bytes, and when each piece of them was there. What it says is read after the run.</summary>
/// <param name="started">When the request began, or was to arrive.</param>
internal sealed class RecordedAnswer(double started)
{
    private readonly List<(int End, double At)> _pieces = [];
    private byte[] _bytes = new byte[32 << 10];
    private int _length;

    public double Started { get; } = started;

    public double Ended { get; private set; }

    /// <summary>HTTP's status; 0 when there was none.</summary>
    public int Status { get; set; }

    /// <summary>What the connection died of; null when it did not.</summary>
    public string? Failure { get; set; }

    public ReadOnlyMemory<byte> Bytes => _bytes.AsMemory(0, _length);

    /// <summary>Room for the next piece.</summary>
    public Memory<byte> Room()
    {
        if (_bytes.Length - _length < 4096)
        {
            Array.Resize(ref _bytes, 2 * _bytes.Length);
        }
        return _bytes.AsMemory(_length);
    }

    public void Add(int bytes, double at)
    {
        _length += bytes;
        _pieces.Add((_length, at));
    }

    public void End(double at) => Ended = at;

    /// <summary>When the byte at a position was there.</summary>
    public double ArrivalOf(int position)
    {
        int index = _pieces.BinarySearch((position + 1, double.NegativeInfinity));
        return _pieces[index < 0 ? ~index : index].At;
    }
}
