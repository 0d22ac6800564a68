namespace KServePaged.Predictor.Transport;

/// <summary>Takes down what a request asks and what it is answered, as a feature of its context. Absent where nobody listens.</summary>
internal interface IBodyTape
{
    /// <summary>The whole body, without its content coding. The bytes are kept, not copied: they must not change any more.</summary>
    void Asked(ReadOnlyMemory<byte> body, string contentType);

    /// <summary>A body whose wire form would be of no use to a reader.</summary>
    /// <param name="size">About how many bytes it keeps alive.</param>
    /// <param name="toJson">Called later on another thread, or never.</param>
    void Asked(long size, Func<ReadOnlyMemory<byte>> toJson);

    /// <summary>The whole answer, as <see cref="Asked(ReadOnlyMemory{byte}, string)"/>.</summary>
    void Answered(ReadOnlyMemory<byte> body, string contentType);

    /// <summary>The whole answer, as <see cref="Asked(long, Func{ReadOnlyMemory{byte}})"/>.</summary>
    void Answered(long size, Func<ReadOnlyMemory<byte>> toJson);

    /// <summary>The next piece of a stream. It is copied.</summary>
    void AnsweredPiece(ReadOnlySpan<byte> piece, string contentType);
}
