using KServePaged.Engine.ChatTemplates.Jinja.Formatting;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Syntax;

/// <summary>
/// Cuts a template into tokens. Whitespace control happens here, as transformers sets it up: trim_blocks (the newline after a tag goes),
/// lstrip_blocks (blanks in front of a tag that starts its line go), no newline at the end of the file.
/// </summary>
internal sealed class Lexer
{
    private readonly string _fileName;
    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private readonly Stack<char> _brackets = new();
    private int _at;
    private int _line = 1;
    private bool _lineStarts = true; // the last tag took the newline behind it

    private Lexer(string source, string fileName)
    {
        _fileName = fileName;
        string normalized = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        _source = normalized.EndsWith('\n') ? normalized[..^1] : normalized;
    }

    /// <exception cref="InvalidDataException">The template is broken.</exception>
    public static List<Token> Tokenize(string source, string fileName)
    {
        var lexer = new Lexer(source, fileName);
        while (lexer._at < lexer._source.Length)
        {
            lexer.ReadText();
        }
        lexer._tokens.Add(new Token(TokenKind.End, string.Empty, lexer._line));
        return lexer._tokens;
    }

    private char Current => _at < _source.Length ? _source[_at] : '\0';

    private InvalidDataException Error(string message) => SourceError.At(_fileName, _line, message);

    private void Advance(int count)
    {
        _line += _source.AsSpan(_at, count).Count('\n');
        _at += count;
    }

    /// <summary>Text up to the next tag, then the tag.</summary>
    private void ReadText()
    {
        int open = FindTag();
        if (open < 0)
        {
            Add(TokenKind.Data, _source[_at..]);
            Advance(_source.Length - _at);
            return;
        }
        string text = _source[_at..open];
        char tag = _source[open + 1];
        char sign = open + 2 < _source.Length && _source[open + 2] is '-' or '+' ? _source[open + 2] : '\0';
        Add(TokenKind.Data, Strip(text, sign, tag != '{'));
        Advance(open - _at);
        int rawLength = tag == '%' ? RawTag.OpeningLength(_source, _at) : 0;
        Advance(rawLength > 0 ? rawLength : sign == '\0' ? 2 : 3);
        switch (tag)
        {
            case '#':
                SkipComment();
                break;
            case '%' when rawLength > 0:
                _lineStarts = _source[_at - 1] == '\n';
                ReadRaw();
                break;
            default:
                ReadTag(tag == '%');
                break;
        }
    }

    private int FindTag()
    {
        for (int i = _at; ; i++)
        {
            i = _source.IndexOf('{', i);
            if (i < 0 || i + 1 >= _source.Length)
            {
                return -1;
            }
            if (_source[i + 1] is '{' or '%' or '#')
            {
                return i;
            }
        }
    }

    /// <summary>The text in front of a tag, without what the tag strips.</summary>
    private string Strip(string text, char sign, bool isBlock)
    {
        if (sign == '-')
        {
            int end = text.Length;
            while (end > 0 && Characters.IsSpace(text[end - 1]))
            {
                end--;
            }
            return text[..end];
        }
        int lineStart = text.LastIndexOf('\n') + 1;
        bool strips = sign != '+' && isBlock && (lineStart > 0 || _lineStarts);
        return strips && text.Skip(lineStart).All(unit => Characters.IsSpace(unit)) ? text[..lineStart] : text;
    }

    private void SkipComment()
    {
        if (_at == _source.Length)
        {
            return; // Jinja lets a comment pass that opens at the very end
        }
        int end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0)
        {
            throw Error("Missing end of comment tag");
        }
        char sign = end > _at && _source[end - 1] is '-' or '+' ? _source[end - 1] : '\0';
        Advance(end - _at);
        Close(2, sign);
    }

    private void ReadRaw()
    {
        if (_at == _source.Length)
        {
            return;
        }
        (int start, int length, char open, char close) = RawTag.FindClosing(_source, _at);
        if (start < 0)
        {
            throw Error("Missing end of raw directive");
        }
        Add(TokenKind.Data, Strip(_source[_at..start], open, isBlock: true));
        Advance(start + length - _at - 2);
        Close(2, close);
    }

    /// <summary>Steps over the end of a tag and what it trims.</summary>
    private void Close(int length, char sign, bool isBlock = true)
    {
        Advance(length);
        int start = _at;
        if (sign == '-')
        {
            while (_at < _source.Length && Characters.IsSpace(_source[_at]))
            {
                Advance(1);
            }
        }
        else if (sign != '+' && isBlock && Current == '\n')
        {
            Advance(1);
        }
        _lineStarts = _at > start && _source[_at - 1] == '\n';
    }

    private void ReadTag(bool isBlock)
    {
        Add(isBlock ? TokenKind.BlockBegin : TokenKind.PrintBegin, string.Empty);
        string end = isBlock ? "%}" : "}}";
        while (true)
        {
            if (_at >= _source.Length)
            {
                return; // the parser says what is missing
            }
            char sign = Current is '-' or '+' && (isBlock || Current == '-') ? Current : '\0';
            if (_brackets.Count == 0 && string.CompareOrdinal(_source, sign == 0 ? _at : _at + 1, end, 0, 2) == 0)
            {
                Add(isBlock ? TokenKind.BlockEnd : TokenKind.PrintEnd, string.Empty);
                Close(sign == '\0' ? 2 : 3, sign, isBlock);
                return;
            }
            ReadToken();
        }
    }

    private void ReadToken()
    {
        char unit = Current;
        if (Characters.IsSpace(unit))
        {
            Advance(1);
        }
        else if (char.IsAsciiDigit(unit))
        {
            bool followsDot = _at > 0 && _source[_at - 1] == '.';
            (Value number, int length) = NumberLiteral.Read(_source, _at, allowFloat: !followsDot);
            if (length > NumberLiteral.MaxLength)
            {
                throw Error($"a number of more than {NumberLiteral.MaxLength} digits");
            }
            _tokens.Add(new Token(TokenKind.Number, _source.Substring(_at, length), _line, number));
            Advance(length);
        }
        else if (Characters.IsIdentifierPart(CodePoints.At(_source, _at)))
        {
            ReadName();
        }
        else if (unit is '\'' or '"')
        {
            ReadString(unit);
        }
        else
        {
            ReadOperator();
        }
    }

    private void ReadName()
    {
        int end = _at;
        while (end < _source.Length && Characters.IsIdentifierPart(CodePoints.At(_source, end)))
        {
            end += CodePoints.LengthAt(_source, end);
        }
        if (!Characters.IsIdentifierStart(CodePoints.At(_source, _at)))
        {
            throw Error("Invalid character in identifier");
        }
        Add(TokenKind.Name, _source[_at..end]);
        _at = end;
    }

    private void ReadString(char quote)
    {
        int end = _at + 1;
        while (end < _source.Length && _source[end] != quote)
        {
            end += _source[end] == '\\' ? 2 : 1;
        }
        if (end >= _source.Length)
        {
            throw Error($"unexpected char '{quote}'");
        }
        string text = StringLiteral.Unescape(_source[(_at + 1)..end], message => Error(message));
        _tokens.Add(new Token(TokenKind.String, string.Empty, _line, Value.Of(text)));
        Advance(end + 1 - _at);
    }

    private void ReadOperator()
    {
        string symbol = _source.Substring(_at, Math.Min(2, _source.Length - _at));
        if (symbol is not ("//" or "**" or "==" or "!=" or ">=" or "<="))
        {
            symbol = symbol[..1];
            if (!"+-/*%~[](){}<>=.:|,;".Contains(symbol[0]))
            {
                throw Error($"unexpected char '{CodePoints.From(CodePoints.At(_source, _at))}'");
            }
        }
        Balance(symbol[0]);
        Add(TokenKind.Operator, symbol);
        _at += symbol.Length;
    }

    /// <summary>Inside brackets <c>}}</c> is no end of a tag.</summary>
    private void Balance(char unit)
    {
        switch (unit)
        {
            case '(':
                _brackets.Push(')');
                break;
            case '[':
                _brackets.Push(']');
                break;
            case '{':
                _brackets.Push('}');
                break;
            case ')' or ']' or '}':
                if (!_brackets.TryPop(out char expected))
                {
                    throw Error($"unexpected '{unit}'");
                }
                if (expected != unit)
                {
                    throw Error($"unexpected '{unit}', expected '{expected}'");
                }
                break;
        }
    }

    private void Add(TokenKind kind, string text)
    {
        if (kind != TokenKind.Data || text.Length > 0)
        {
            _tokens.Add(new Token(kind, text, _line));
        }
    }
}
