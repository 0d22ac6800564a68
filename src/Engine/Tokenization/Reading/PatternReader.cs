using System.Text;
using KServePaged.Engine.Tokenization.Patterns;
using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Reading;

/// <summary>Reads <c>{"String": …}</c> and <c>{"Regex": …}</c>.</summary>
internal static class PatternReader
{
    private const int MaxPatternLength = 1 << 14;

    private static readonly Dictionary<string, TextPattern> Known = new(StringComparer.Ordinal)
    {
        [Gpt2Pattern.Source] = new Gpt2Pattern(),
        [Cl100kPattern.SourceWith(@"\p{N}{1,3}")] = new Cl100kPattern(maxDigits: 3),
        [Cl100kPattern.SourceWith(@"\p{N}")] = new Cl100kPattern(maxDigits: 1),
    };

    /// <param name="node">The pattern object.</param>
    /// <param name="literal">The fixed text, or null for a regular expression.</param>
    public static TextPattern Read(JsonNode node, out string? literal)
    {
        literal = node.Find("String")?.Text();
        if (literal is not null)
        {
            return new LiteralPattern(Encoding.UTF8.GetBytes(literal));
        }
        JsonNode source = node["Regex"];
        string text = source.Text();
        if (Known.TryGetValue(text, out TextPattern? known))
        {
            return known;
        }
        if (text.Length > MaxPatternLength)
        {
            throw source.Defect($"the regular expression is longer than {MaxPatternLength} characters");
        }
        try
        {
            return RegexPattern.Parse(text);
        }
        catch (FormatException exception)
        {
            throw source.Defect($"the regular expression cannot be used: {exception.Message}", exception);
        }
    }
}
