using System.Globalization;
using System.Text;

namespace KServePaged.Engine.Tokenization.Patterns;

/// <summary>
/// Reads a regular expression in Oniguruma's Ruby syntax, in which tokenizer.json files are written: <c>^</c> and <c>$</c> are about
/// lines, classes nest and intersect, <c>(?m)</c> is about the dot. What it does not know it refuses.
/// </summary>
internal sealed class PatternParser
{
    private const int MaxDepth = 64;
    private const int MaxRepeat = 1000;

    private readonly int[] _source;
    private readonly ClassParser _classes;
    private int _at;
    private int _depth;

    private PatternParser(string source)
    {
        _source = [.. source.EnumerateRunes().Select(rune => rune.Value)];
        _classes = new ClassParser(_source);
    }

    /// <exception cref="FormatException">The pattern is broken or uses what is not supported; the message says where.</exception>
    public static PatternNode Parse(string source)
    {
        var parser = new PatternParser(source);
        PatternNode node = parser.ReadChoice(new Options(false, false, false));
        return parser._at == parser._source.Length ? node : throw parser.Error("an unmatched )");
    }

    private PatternNode ReadChoice(Options options)
    {
        if (++_depth > MaxDepth)
        {
            throw Error("groups nested too deep");
        }
        var choices = new List<PatternNode>();
        do
        {
            choices.Add(ReadSequence(options));
        }
        while (TryTake('|'));
        _depth--;
        return choices.Count == 1 ? choices[0] : new ChoiceNode(choices);
    }

    private PatternNode ReadSequence(Options options)
    {
        var items = new List<PatternNode>();
        int previousLiteral = -1;
        while (_at < _source.Length && _source[_at] is not ('|' or ')'))
        {
            if (options.Extended && TrySkipComment())
            {
                continue;
            }
            int start = _at;
            PatternNode? atom = ReadAtom(options);
            if (atom is null)
            {
                continue; // a comment
            }
            int literal = _at == start + 1 ? _source[start] : -1;
            if (options.IgnoreCase && previousLiteral >= 0 && literal >= 0)
            {
                RefuseDigraph(previousLiteral, literal);
            }
            previousLiteral = literal;
            items.Add(ReadQuantifiers(atom));
        }
        return items.Count == 1 ? items[0] : new SequenceNode(items);
    }

    private PatternNode? ReadAtom(Options options)
    {
        int c = _source[_at++];
        switch (c)
        {
            case '(':
                return ReadGroup(options);
            case '[':
                CodePointSet set = _classes.Read(ref _at);
                return new SetNode(options.IgnoreCase ? CaseFolding.Close(set) : set);
            case '.':
                return new SetNode(options.DotTakesAll ? CodePointSet.All : CodePointSet.Of('\n').Invert());
            case '^':
                return new AnchorNode(Anchor.LineStart);
            case '$':
                return new AnchorNode(Anchor.LineEnd);
            case '\\':
                return ReadEscape(options);
            case '*' or '+' or '?':
                throw Error("nothing to repeat");
            default:
                return Literal(c, options);
        }
    }

    private PatternNode? ReadGroup(Options options)
    {
        if (!TryTake('?'))
        {
            return Close(ReadChoice(options)); // captures are of no use here
        }
        int kind = Take("a group");
        switch (kind)
        {
            case ':':
                return Close(ReadChoice(options));
            case '=' or '!':
                return Close(new LookNode(ReadChoice(options), Behind: false, Negated: kind == '!'));
            case '>':
                return Close(new AtomicNode(ReadChoice(options)));
            case '#':
                while (Take("a comment") != ')')
                {
                }
                return null;
            case '<' when _at < _source.Length && _source[_at] is '=' or '!':
                bool negated = _source[_at++] == '!';
                return Close(new LookNode(ReadChoice(options), Behind: true, Negated: negated));
            case '<':
                while (Take("a group's name") != '>')
                {
                }
                return Close(ReadChoice(options));
            default:
                _at--;
                return ReadOptions(options);
        }
    }

    // (?i) holds to the end of the group around it, (?i:…) inside itself.
    private PatternNode ReadOptions(Options options)
    {
        bool on = true;
        Options inner = options;
        for (int c = Take("an option"); ; c = Take("an option"))
        {
            switch (c)
            {
                case '-':
                    on = false;
                    break;
                case 'i':
                    inner = inner with { IgnoreCase = on };
                    break;
                case 'm':
                    inner = inner with { DotTakesAll = on };
                    break;
                case 'x':
                    inner = inner with { Extended = on };
                    break;
                case ':':
                    return Close(ReadChoice(inner));
                case ')':
                    // Alternatives that follow belong to the option: a(?i)b|c is a(?i:b|c).
                    return ReadChoice(inner);
                default:
                    throw Error($"the option '{new Rune(c)}' is not supported");
            }
        }
    }

    private PatternNode ReadQuantifiers(PatternNode atom)
    {
        while (_at < _source.Length)
        {
            (int min, int max, bool isBraces) = _source[_at] switch
            {
                '*' => (0, -1, false),
                '+' => (1, -1, false),
                '?' => (0, 1, false),
                '{' => ReadBraces(),
                _ => (-1, -1, false),
            };
            if (min < 0)
            {
                return atom;
            }
            _at += isBraces ? 0 : 1;
            bool lazy = TryTake('?');
            if (lazy && isBraces && min == max)
            {
                throw Error("{n}? is not supported");
            }
            bool possessive = !lazy && !isBraces && TryTake('+');
            atom = new RepeatNode(atom, min, max, Greedy: !lazy);
            atom = possessive ? new AtomicNode(atom) : atom;
        }
        return atom;
    }

    /// <returns>The bounds, or a negative minimum where the brace is only a brace.</returns>
    private (int Min, int Max, bool IsBraces) ReadBraces()
    {
        int end = Array.IndexOf(_source, '}', _at);
        string text = end < 0 ? "" : string.Concat(_source[(_at + 1)..end].Select(c => new Rune(c).ToString()));
        string[] parts = text.Split(',');
        bool isBounds = text.Length > 0 && parts.Length <= 2 && text != "," && parts.All(part => part.All(char.IsAsciiDigit) && part.Length <= 6);
        if (!isBounds)
        {
            return (-1, -1, true);
        }
        int min = parts[0].Length == 0 ? 0 : int.Parse(parts[0], CultureInfo.InvariantCulture);
        int max = parts.Length == 1 ? min : parts[1].Length == 0 ? -1 : int.Parse(parts[1], CultureInfo.InvariantCulture);
        if (min > MaxRepeat || max > MaxRepeat || (max >= 0 && max < min))
        {
            throw Error($"repeat counts must ascend and stay below {MaxRepeat}");
        }
        _at = end + 1;
        return (min, max, true);
    }

    private PatternNode ReadEscape(Options options)
    {
        int start = _at;
        switch (Take("an escape"))
        {
            case 'A':
                return new AnchorNode(Anchor.TextStart);
            case 'z':
                return new AnchorNode(Anchor.TextEnd);
            case 'Z':
                return new AnchorNode(Anchor.LastLineEnd);
            case 'b':
                return new AnchorNode(Anchor.WordBorder);
            case 'B':
                return new AnchorNode(Anchor.NoWordBorder);
            case 'R':
                CodePointSet breaks = CodePointSet.FromPairs([0xA, 0xD, 0x85, 0x85, 0x2028, 0x2029]);
                return new AtomicNode(new ChoiceNode([new SequenceNode([Literal('\r', default), Literal('\n', default)]), new SetNode(breaks)]));
            default:
                _at = start;
                CodePointSet set = _classes.ReadEscape(ref _at, out bool isClass);
                return new SetNode(options.IgnoreCase && !isClass ? CaseFolding.Close(set) : set);
        }
    }

    private static SetNode Literal(int c, Options options) =>
        new(options.IgnoreCase ? CaseFolding.Close(CodePointSet.Of(c)) : CodePointSet.Of(c));

    private PatternNode Close(PatternNode node) => TryTake(')') ? node : throw Error("a missing )");

    private bool TrySkipComment()
    {
        if (_source[_at] is ' ' or '\t' or '\n' or '\r' or '\f' or '\v')
        {
            _at++;
            return true;
        }
        if (_source[_at] != '#')
        {
            return false;
        }
        while (_at < _source.Length && _source[_at] != '\n')
        {
            _at++;
        }
        return true;
    }

    private void RefuseDigraph(int first, int second)
    {
        string pair = (new Rune(first).ToString() + new Rune(second)).ToLowerInvariant();
        if (CaseFolding.Digraphs.Contains(pair))
        {
            throw Error($"'{pair}' without regard to case is not supported");
        }
    }

    private bool TryTake(int c)
    {
        bool found = _at < _source.Length && _source[_at] == c;
        _at += found ? 1 : 0;
        return found;
    }

    private int Take(string inside) => _at < _source.Length ? _source[_at++] : throw Error($"{inside} that does not end");

    private FormatException Error(string what) => new($"{what} at character {_at}");

    private readonly record struct Options(bool IgnoreCase, bool DotTakesAll, bool Extended);
}
