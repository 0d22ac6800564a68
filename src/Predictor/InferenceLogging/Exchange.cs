using System.Buffers;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.InferenceLogging;

/// <summary>One request and its answer. The request becomes an event as soon as it is read, the answer when it has ended. One thread at a time.</summary>
internal sealed class Exchange(InferenceLog log, string id, string? traceParent) : IBodyTape
{
    private Func<ReadOnlyMemory<byte>>? _content;
    private ArrayBufferWriter<byte>? _pieces;
    private string? _contentType;
    private long _size;
    private long _omitted;

    public void Asked(ReadOnlyMemory<byte> body, string contentType) => Asked(body.Length, () => body, contentType);

    public void Asked(long size, Func<ReadOnlyMemory<byte>> toJson) => Asked(size, toJson, InferenceLog.Json);

    public void Answered(ReadOnlyMemory<byte> body, string contentType) => Answered(body.Length, () => body, contentType);

    public void Answered(long size, Func<ReadOnlyMemory<byte>> toJson) => Answered(size, toJson, InferenceLog.Json);

    public void AnsweredPiece(ReadOnlySpan<byte> piece, string contentType)
    {
        if (!log.WantsResponses)
        {
            return;
        }
        _contentType = contentType;
        if (TryKeep(piece.Length))
        {
            _pieces ??= new ArrayBufferWriter<byte>();
            _pieces.Write(piece);
        }
    }

    /// <summary>Takes room for another piece of the answer, which the caller keeps until <see cref="AnsweredPieces"/>.</summary>
    /// <returns>False: the answer is logged without its content, and what was kept of it is of no use.</returns>
    public bool TryKeep(long size)
    {
        if (!log.WantsResponses)
        {
            return false;
        }
        if (_omitted > 0 || !log.TryReserve(_size + size, size))
        {
            _omitted += _size + size; // what was kept goes too: half of a stream is no answer
            Forget();
            return false;
        }
        _size += size;
        return true;
    }

    /// <summary>The pieces that there was room for.</summary>
    /// <param name="toJson">Called later on another thread, or never.</param>
    public void AnsweredPieces(Func<ReadOnlyMemory<byte>> toJson)
    {
        if (log.WantsResponses)
        {
            (_contentType, _content) = (InferenceLog.Json, toJson);
        }
    }

    /// <summary>Nothing more comes.</summary>
    /// <param name="isAnswered">False: it was refused or failed, and what was answered is an error.</param>
    /// <param name="isComplete">False: the answer was cut short.</param>
    public void End(bool isAnswered, bool isComplete)
    {
        if (!isAnswered || _contentType is not { } contentType)
        {
            Forget();
            return;
        }
        ReadOnlyMemory<byte> pieces = _pieces?.WrittenMemory ?? default;
        Func<ReadOnlyMemory<byte>>? content = _omitted > 0 ? null : _content ?? (() => pieces);
        log.Add(new LoggedEvent(id, LoggedEvent.ResponseType, log.Now, traceParent, contentType, _size, content, _omitted, !isComplete));
    }

    private void Asked(long size, Func<ReadOnlyMemory<byte>> content, string contentType)
    {
        if (log.WantsRequests)
        {
            bool fits = log.TryReserve(size, size);
            log.Add(new LoggedEvent(
                id, LoggedEvent.RequestType, log.Now, traceParent, contentType, fits ? size : 0, fits ? content : null, fits ? 0 : size));
        }
    }

    private void Answered(long size, Func<ReadOnlyMemory<byte>> content, string contentType)
    {
        if (log.WantsResponses)
        {
            Forget();
            _contentType = contentType;
            if (log.TryReserve(size, size))
            {
                (_size, _content) = (size, content);
            }
            else
            {
                _omitted = size;
            }
        }
    }

    private void Forget()
    {
        log.Release(_size);
        (_size, _content, _pieces) = (0, null, null);
    }
}
