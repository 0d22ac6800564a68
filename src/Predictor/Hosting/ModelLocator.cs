using KServePaged.Engine.Configuration;

namespace KServePaged.Predictor.Hosting;

/// <summary>Gives the directory that holds a model's files, after it has brought them there if need be.</summary>
/// <exception cref="IOException">They cannot be got.</exception>
/// <exception cref="InvalidDataException">There is no model; the message is one line that says what to do.</exception>
internal delegate Task<string> ModelLocator(IProgress<LoadProgress> progress, CancellationToken cancellationToken);
