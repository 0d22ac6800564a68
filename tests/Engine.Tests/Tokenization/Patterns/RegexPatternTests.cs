using System.Text;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Tokenization.Patterns;
using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tests.Tokenization.Patterns;

public sealed class RegexPatternTests
{
    [Theory]
    [InlineData("a|ab", "ab", "a")]
    [InlineData("(?:ab|a)(?:c|bcd)d*", "abcd", "abcd")]
    [InlineData("a*?b", "aab", "aab")]
    [InlineData("a{2,3}", "aaaaa", "aaa|aa")]
    [InlineData("a{,2}b", "aaab", "aab")]
    [InlineData("a{x", "a{x", "a{x")]
    [InlineData("a++a", "aaa", "")]
    [InlineData("(?>a+)b", "aab", "aab")]
    [InlineData(@"\p{Lu}\p{Ll}+", "Hello World", "Hello|World")]
    [InlineData(@"\p{^L}+", "ab12cd", "12")]
    [InlineData(@"[^\s\p{L}\p{N}]+", "a!? b", "!?")]
    [InlineData(@"[a-z&&[^aeiou]]+", "hello", "h|ll")]
    [InlineData(@"[[:digit:][:punct:]]+", "a1+b", "1+")]
    [InlineData(@"[]a]+", "a]b", "a]")]
    [InlineData(@"[a\-z]+", "a-z b", "a-z")]
    [InlineData(@"(?i:'s|'ll)", "It'S he'Ll 'ſ", "'S|'Ll|'ſ")]
    [InlineData(@"(?i)É+", "éÉe", "éÉ")]
    [InlineData(@"\s+(?!\S)", "a   b ", "  | ")]
    [InlineData(@"(?<=\d)x", "1x x", "x")]
    [InlineData(@"(?<!\d)x", "1xx", "x")]
    [InlineData(@"(?<=ab|c)x", "abx bx cx", "x|x")]
    [InlineData(@"^.", "ab\ncd", "a|c")]
    [InlineData(@".$", "ab\ncd", "b|d")]
    [InlineData(@"\A.|.\z", "abc", "a|c")]
    [InlineData(@"\bfoo\b", "foo food foo", "foo|foo")]
    [InlineData(@"\R", "a\r\nb\nc", "\r\n|\n")]
    [InlineData(@"\p{Han}+", "漢字かな", "漢字")]
    [InlineData(@"[\x{1F600}-\x{1F64F}]", "x🙂", "🙂")]
    [InlineData(@"\w+", "a_b² 🄰", "a_b²|🄰")]
    [InlineData(@"(?x) a b # comment", "ab", "ab")]
    [InlineData("(?m:a.b)", "a\nb", "a\nb")]
    public void Find_OnKnownCases_MatchesAsOnigurumaDoes(string pattern, string text, string matches) =>
        Assert.Equal(matches, string.Join('|', Find(RegexPattern.Parse(pattern), text).Where(match => match.Length > 0)));

    [Theory]
    [InlineData("(a", "missing )")]
    [InlineData("a)", "unmatched )")]
    [InlineData("[a", "missing ]")]
    [InlineData("*a", "nothing to repeat")]
    [InlineData(@"\k<x>", "not supported")]
    [InlineData(@"\1", "not supported")]
    [InlineData(@"\p{Klingon}", "not supported")]
    [InlineData(@"\X", "not supported")]
    [InlineData("[b-a]", "backwards")]
    [InlineData("(?:a*)*", "can be empty")]
    [InlineData("(?<=a+)b", "looking behind")]
    [InlineData("a{2000}", "repeat counts")]
    [InlineData("(?:(?:ab){1000}){1000}", "steps")]
    [InlineData("(?i:ss)", "without regard to case")]
    [InlineData(@"a\", "does not end")]
    public void Parse_WhenBrokenOrUnsupported_SaysWhat(string pattern, string message) =>
        Assert.Contains(message, Assert.Throws<FormatException>(() => RegexPattern.Parse(pattern)).Message);

    [Fact]
    public void Parse_WhenNestedTooDeep_Refuses() =>
        Assert.Throws<FormatException>(() => RegexPattern.Parse(new string('(', 100_000)));

    [Fact]
    public void Find_WhenAPatternExplodes_GivesUpOnTheText()
    {
        RegexPattern pattern = RegexPattern.Parse("(?:a|aa)+$");
        var exception = Assert.Throws<RequestException>(() => Find(pattern, new string('a', 4000) + "b"));
        Assert.Equal(EngineErrorCode.InvalidArgument, exception.Code);
        Assert.Equal(["aa"], Find(pattern, "aa")); // and serves the next
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("cl100k")]
    [InlineData("qwen2")]
    public void HandWrittenPatterns_OnHostileText_MatchAsTheGeneralMatcher(string name)
    {
        (TextPattern byHand, string source) = name switch
        {
            "gpt2" => ((TextPattern)new Gpt2Pattern(), Gpt2Pattern.Source),
            "cl100k" => (new Cl100kPattern(maxDigits: 3), Cl100kPattern.SourceWith(@"\p{N}{1,3}")),
            _ => (new Cl100kPattern(maxDigits: 1), Cl100kPattern.SourceWith(@"\p{N}")),
        };
        RegexPattern general = RegexPattern.Parse(source);
        var texts = new HostileText(seed: 21);
        for (int i = 0; i < 5000; i++)
        {
            string text = texts.Next();
            Assert.Equal(Find(general, text), Find(byHand, text));
        }
    }

    private static List<string> Find(TextPattern pattern, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        var found = new List<string>();
        var scan = new PatternScan();
        while (pattern.TryFindNext(bytes, ref scan, out int start, out int end))
        {
            found.Add(Encoding.UTF8.GetString(bytes, start, end - start));
        }
        return found;
    }
}
