using KServePaged.Engine;
using KServePaged.Engine.Configuration;

namespace KServePaged.Predictor.Hosting;

/// <summary>Loads a model: <c>LlmEngine.LoadAsync</c>, or a double of it in tests. The engine it returns has run a first decode.</summary>
/// <exception cref="InvalidDataException">A file of the model is broken or not supported; the message names file and field.</exception>
internal delegate Task<ILlmEngine> EngineLoader(
    EngineOptions options, IProgress<LoadProgress> progress, ILoggerFactory loggers, CancellationToken cancellationToken);

/// <summary>Bytes of memory that are free on the device the options choose: <c>LlmEngine.FreeMemory</c>, or a double of it in tests.</summary>
internal delegate long FreeMemory(EngineOptions options);
