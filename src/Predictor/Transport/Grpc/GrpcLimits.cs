namespace KServePaged.Predictor.Transport.Grpc;

/// <param name="MaxMessageBytes">Of one message, before and after decompression.</param>
internal sealed record GrpcLimits(int MaxMessageBytes = 64 << 20);
