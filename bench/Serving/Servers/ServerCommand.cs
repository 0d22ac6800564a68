using KServePaged.Serving.Models;

namespace KServePaged.Serving.Servers;

/// <summary>How a server is started: words with the placeholders {model} (Hugging Face directory), {gguf} (file), {port}, {slots} (most streams at a time), {context} and {cache}.</summary>
internal sealed class ServerCommand
{
    /// <summary>Tokens that a request may have with its answer; {context} stands for this times the slots, {cache} for the bytes of their keys and values in 16 bits.</summary>
    public const int SlotTokens = 1280;

    private readonly string[] _words;

    private ServerCommand(string name, string[] words) => (Name, _words) = (name, words);

    public string Name { get; }

    public bool NeedsGguf => _words.Any(word => word.Contains("{gguf}", StringComparison.Ordinal));

    public bool NeedsCheckpoint => _words.Any(word => word.Contains("{model}", StringComparison.Ordinal));

    /// <param name="name">In tables.</param>
    /// <param name="text">Words separated by blanks; a word with blanks in it stands in double quotes.</param>
    public static ServerCommand Parse(string name, string text)
    {
        string[] words = [.. text.Split('"').SelectMany((part, i) => i % 2 == 1 ? [part] : part.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
        return words.Length > 0 && words.Any(word => word.Contains("{port}", StringComparison.Ordinal))
            ? new ServerCommand(name, words)
            : throw new ArgumentException($"the command of {name} needs a program, and {{port}} for the port that it shall listen on: {text}");
    }

    public ServerCommand With(params string[] words) => new(Name, [.. _words, .. words]);

    public string[] Fill(string model, string gguf, int port, int slots, ModelShape shape) =>
    [
        .. _words.Select(word => word
            .Replace("{model}", model, StringComparison.Ordinal)
            .Replace("{gguf}", gguf, StringComparison.Ordinal)
            .Replace("{port}", $"{port}", StringComparison.Ordinal)
            .Replace("{slots}", $"{slots}", StringComparison.Ordinal)
            .Replace("{context}", $"{(long)slots * SlotTokens}", StringComparison.Ordinal)
            .Replace("{cache}", $"{slots * SlotTokens * shape.KvElements * sizeof(ushort)}", StringComparison.Ordinal)),
    ];
}
