namespace KServePaged.Serving;

/// <summary>A measurement cannot take place or did not give what was asked for; the message is for the person who started it.</summary>
internal sealed class BenchException(string message) : Exception(message);
