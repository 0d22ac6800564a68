namespace KServePaged.Predictor.Hosting;

/// <summary>A model that the process was started for could not be loaded.</summary>
internal sealed class ModelLoadException(string model, string message, Exception? innerException) : Exception(message, innerException)
{
    public string Model { get; } = model;
}
