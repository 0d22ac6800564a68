namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>One call beside its messages: metadata both ways, deadline, cancellation.</summary>
internal sealed class GrpcCallContext(GrpcMetadata requestMetadata, string requestId, DateTimeOffset? deadline, CancellationToken drained, CancellationToken cancellationToken)
{
    private bool _headersWritten;
    private GrpcMetadata? _responseHeaders;
    private GrpcMetadata? _responseTrailers;

    public GrpcMetadata RequestMetadata => requestMetadata;

    public string RequestId => requestId;

    /// <summary>When the caller stops waiting; null = never. The token is cancelled then.</summary>
    public DateTimeOffset? Deadline => deadline;

    /// <summary>The caller has left, or its deadline has passed.</summary>
    public CancellationToken CancellationToken => cancellationToken;

    /// <summary>The server has drained: a call that has nothing more to answer ends, with UNAVAILABLE. Readers end by themselves.</summary>
    public CancellationToken Drained => drained;

    /// <summary>Goes out before the first message; later additions are lost, so they are refused.</summary>
    public GrpcMetadata ResponseHeaders => _responseHeaders ??= new();

    /// <summary>Goes out with the status.</summary>
    public GrpcMetadata ResponseTrailers => _responseTrailers ??= new();

    /// <summary>How messages may be compressed; fixed by the first one.</summary>
    public string ResponseEncoding { get; private set; } = GrpcEncoding.Identity;

    /// <summary>A message was written, sent or not: the status belongs behind it, into trailers.</summary>
    public bool HasMessage { get; set; }

    /// <summary>Compresses the answers if the caller takes <paramref name="encoding"/>, else leaves them alone.</summary>
    public void UseEncoding(string encoding)
    {
        string accepted = requestMetadata.Text("grpc-accept-encoding") ?? "";
        if (accepted.Split(',', StringSplitOptions.TrimEntries).Contains(encoding))
        {
            ResponseEncoding = encoding;
        }
    }

    public void WriteHeaders(HttpResponse response)
    {
        if (_headersWritten)
        {
            return;
        }
        _headersWritten = true;
        if (ResponseEncoding != GrpcEncoding.Identity)
        {
            response.Headers.GrpcEncoding = ResponseEncoding;
        }
        _responseHeaders?.WriteTo(response.Headers);
    }

    public void WriteTrailers(IHeaderDictionary trailers) => _responseTrailers?.WriteTo(trailers);
}
