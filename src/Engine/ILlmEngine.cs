using KServePaged.Engine.Contracts;

namespace KServePaged.Engine;

/// <summary>A loaded model that generates. All members may be called from any thread.</summary>
public interface ILlmEngine : IAsyncDisposable
{
    ModelInfo Model { get; }

    ITextCodec Text { get; }

    EngineStatistics Statistics { get; }

    /// <summary>Null while the engine works; otherwise why it will never work again (readiness must fail).</summary>
    Exception? Failure { get; }

    /// <summary>
    /// Starts a generation. Every refusal (limits, tokens, template, full queue) is thrown by the first MoveNextAsync, before any delta.
    /// Disposing the enumerator, or cancelling, aborts the request and frees its cache blocks within one step.
    /// </summary>
    /// <exception cref="RequestException">The request is refused, or failed later on (deadline, engine failure).</exception>
    IAsyncEnumerable<GenerationDelta> GenerateAsync(GenerationRequest request, CancellationToken cancellationToken);

    /// <summary>Refuses new requests from now on and completes when the running ones have ended.</summary>
    Task DrainAsync(CancellationToken cancellationToken);
}
