namespace KServePaged.Gpu;

/// <summary>A command line that cannot be followed.</summary>
internal sealed class UsageException(string message) : Exception(message);
