using KServePaged.Predictor.Transport.Grpc;

namespace KServePaged.Predictor.Protocols.OpenInference.Grpc;

/// <summary>A ModelStreamInferResponse on its way to the wire.</summary>
/// <param name="Error">Empty = none.</param>
internal sealed record WireStreamResponse(string Error, WireInferResponse Response)
{
    public static GrpcSerializer<WireStreamResponse> Serializer { get; } = new(
        static message => WireWriter.SizeOf(message.Error) + WireWriter.SizeOf(message.Response.Size), static (message, output) =>
        {
            var writer = new WireWriter(output);
            writer.Write(1, message.Error);
            writer.BeginContent(2, message.Response.Size);
            message.Response.WriteTo(ref writer, output);
            writer.Flush();
        });
}
