using System.Text.RegularExpressions;

namespace KServePaged.Architecture.Tests;

/// <param name="Path">Relative to the checkout, with forward slashes.</param>
internal sealed partial record SourceFile(string Path, string Text)
{
    /// <summary>The text without comments and string contents, so that prose cannot trip a rule about code.</summary>
    public string Code => CommentsAndStrings().Replace(Text, match => match.Value.StartsWith('"') ? "\"\"" : " ");

    public int LineCount => Text.AsSpan().Count('\n');

    public override string ToString() => Path;

    [GeneratedRegex("\"\"\".*?\"\"\"|@?\\$?\"(?:[^\"\\\\\\n]|\\\\.)*\"|//[^\\n]*|/\\*.*?\\*/", RegexOptions.Singleline)]
    private static partial Regex CommentsAndStrings();
}
