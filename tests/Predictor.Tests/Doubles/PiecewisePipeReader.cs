using System.Buffers;
using System.IO.Pipelines;

namespace KServePaged.Predictor.Tests.Doubles;

/// <summary>
/// Bytes that arrive in given pieces, each a segment of its own. As strict as a pipe may be: nothing more comes before all that is there was
/// examined, and what was consumed is gone.
/// </summary>
internal sealed class PiecewisePipeReader(byte[] bytes, IReadOnlyList<int> cuts) : PipeReader
{
    private int _consumed;
    private int _examined;
    private int _arrived;
    private int _next;

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (_examined == _arrived)
        {
            _arrived = _next < cuts.Count ? cuts[_next] : bytes.Length;
            _next++;
        }
        return new(new ReadResult(Segments(), isCanceled: false, isCompleted: _next > cuts.Count));
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        _examined = Offset(examined);
        _consumed = Offset(consumed);

        static int Offset(SequencePosition position) => (int)((Segment)position.GetObject()!).RunningIndex + position.GetInteger(); // of Segments()
    }

    public override void CancelPendingRead() => throw new NotSupportedException();

    public override void Complete(Exception? exception = null)
    {
    }

    public override bool TryRead(out ReadResult result)
    {
        bool isThere = _examined < _arrived;
        result = isThere ? new ReadResult(Segments(), isCanceled: false, isCompleted: _next > cuts.Count) : default;
        return isThere;
    }

    private ReadOnlySequence<byte> Segments()
    {
        var first = new Segment(bytes.AsMemory(_consumed, 0), _consumed);
        Segment last = first;
        int at = _consumed;
        foreach (int end in cuts.Where(cut => cut > _consumed && cut < _arrived).Append(_arrived))
        {
            last = last.Append(bytes.AsMemory(at, end - at));
            at = end;
        }
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long index) => (Memory, RunningIndex) = (memory, index);

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
