namespace KServePaged.Predictor.Configuration;

/// <summary>An option that cannot be followed. The message is one sentence: the option, its value, what is allowed.</summary>
internal sealed class UsageException(string message) : Exception(message);
