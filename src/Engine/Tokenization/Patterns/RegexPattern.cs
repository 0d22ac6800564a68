using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Patterns;

/// <summary>
/// A regular expression over code points. .NET's own works on UTF-16, where a class never matches a character beyond the first plane, and
/// differs from Oniguruma in what <c>\s</c>, <c>\w</c>, <c>$</c> and nested classes mean.
/// </summary>
internal sealed class RegexPattern : TextPattern
{
    private readonly Instruction[] _steps;
    private readonly CodePointSet? _first;
    private PatternMatcher? _idle;

    private RegexPattern(Instruction[] steps, CodePointSet? first)
    {
        _steps = steps;
        _first = first;
    }

    /// <exception cref="FormatException">The pattern is broken or uses what is not supported.</exception>
    public static RegexPattern Parse(string source)
    {
        PatternNode node = PatternParser.Parse(source);
        return new RegexPattern(PatternCompiler.Compile(node), PatternCompiler.FirstOf(node));
    }

    protected override bool TryFind(ReadOnlySpan<byte> text, ref PatternScan scan, out int start, out int end)
    {
        PatternMatcher matcher = Interlocked.Exchange(ref _idle, null) ?? new PatternMatcher(_steps);
        matcher.Begin(text.Length, scan.Steps);
        end = -1;
        for (start = scan.From; start <= text.Length; start += start < text.Length ? CodePoint.LengthAt(text, start) : 1)
        {
            if (MayBeginAt(text, start) && (end = matcher.MatchAt(text, start)) >= 0)
            {
                break;
            }
        }
        scan.Steps = matcher.Steps;
        _idle = matcher.IsSmall ? matcher : null;
        return end >= 0;
    }

    private bool MayBeginAt(ReadOnlySpan<byte> text, int start) =>
        _first is null || (start < text.Length && _first.Contains(CodePoint.At(text, start, out _)));
}
