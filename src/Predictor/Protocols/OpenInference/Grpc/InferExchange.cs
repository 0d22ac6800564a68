using KServePaged.Predictor.InferenceLogging;
using KServePaged.Predictor.Protocols.OpenInference.Rest;
using KServePaged.Predictor.Telemetry.Requests;
using KServePaged.Predictor.Transport;
using KServePaged.Predictor.Transport.Grpc;

namespace KServePaged.Predictor.Protocols.OpenInference.Grpc;

/// <summary>One infer request over gRPC on its way to the inference log, in the protocol's JSON form, which sinks read.</summary>
internal sealed class InferExchange
{
    private const string EventId = "ce-id";

    private readonly Exchange _exchange;
    private readonly List<InferResponse> _pieces = [];

    private InferExchange(Exchange exchange) => _exchange = exchange;

    /// <param name="number">Which request of a stream; null = the call has one.</param>
    /// <returns>Null when nothing is logged.</returns>
    public static InferExchange? Begin(InferenceLog log, GrpcCallContext call, int? number, InferRequest request, long size)
    {
        string id = call.RequestMetadata.Text(EventId) is { } given && RequestIds.IsUsable(given) ? given : call.RequestId;
        if (log.Begin(number is null ? id : $"{id}-{number}", InferenceLogMiddleware.TraceParentOf(RequestRecord.Current)) is not { } exchange)
        {
            return null;
        }
        exchange.Asked(size, () => InferJsonWriter.Encode(request));
        return new InferExchange(exchange);
    }

    public void Answered(InferResponse response, long size)
    {
        _exchange.Answered(size, () => InferJsonWriter.Encode(response));
        _exchange.End(isAnswered: true, isComplete: true);
    }

    public void AnsweredPiece(InferResponse piece, long size)
    {
        if (_exchange.TryKeep(size))
        {
            _pieces.Add(piece);
        }
        else
        {
            _pieces.Clear();
        }
    }

    /// <summary>A stream has ended; its pieces are one answer.</summary>
    public void End(bool isComplete)
    {
        _exchange.AnsweredPieces(() => InferJsonWriter.Encode(_pieces));
        _exchange.End(isAnswered: true, isComplete);
    }
}
