namespace KServePaged.Engine.ChatTemplates.Jinja.Syntax;

/// <summary>The tokens of a template, read from front to back.</summary>
internal sealed class TokenStream(IReadOnlyList<Token> tokens, string fileName)
{
    // Deep enough for any real template; the parser, and what it builds, recurse as deeply as the source nests.
    private const int MaxDepth = 150;

    private int _at;
    private int _depth;

    public string FileName => fileName;

    public Token Current => tokens[_at];

    public Token Following => tokens[Math.Min(_at + 1, tokens.Count - 1)];

    public Token Next()
    {
        Token token = tokens[_at];
        if (token.Kind != TokenKind.End)
        {
            _at++;
        }
        return token;
    }

    public bool SkipName(string name) => Skip(Current.IsName(name));

    public bool SkipOperator(string symbol) => Skip(Current.IsOperator(symbol));

    public Token Expect(TokenKind kind, string what) => Current.Kind == kind ? Next() : throw Unexpected(what);

    public string ExpectName() => Expect(TokenKind.Name, "name").Text;

    public void ExpectName(string name)
    {
        if (!SkipName(name))
        {
            throw Unexpected($"'{name}'");
        }
    }

    public void ExpectOperator(string symbol)
    {
        if (!SkipOperator(symbol))
        {
            throw Unexpected($"'{symbol}'");
        }
    }

    public InvalidDataException Error(string message) => Error(message, Current.Line);

    public InvalidDataException Error(string message, int line) => SourceError.At(fileName, line, message);

    /// <summary>Enters a nested expression or block.</summary>
    public void Enter()
    {
        if (++_depth > MaxDepth)
        {
            throw Error($"the template nests more than {MaxDepth} levels deep");
        }
    }

    public void Leave() => _depth--;

    private bool Skip(bool matches)
    {
        _at += matches ? 1 : 0;
        return matches;
    }

    private InvalidDataException Unexpected(string expected) => Error(Current.Kind == TokenKind.End
        ? $"unexpected end of template, expected {expected}"
        : $"expected {expected}, got {Current.Describe()}");
}
