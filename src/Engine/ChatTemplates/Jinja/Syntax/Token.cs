using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Syntax;

internal enum TokenKind : byte
{
    /// <summary>Template text outside of tags, whitespace control already applied.</summary>
    Data,

    PrintBegin,
    PrintEnd,
    BlockBegin,
    BlockEnd,
    Name,
    String,
    Number,
    Operator,
    End,
}

/// <param name="Text">Data, name or operator.</param>
/// <param name="Literal">What a string or number stands for.</param>
internal readonly record struct Token(TokenKind Kind, string Text, int Line, Value Literal = default)
{
    public bool IsName(string name) => Kind == TokenKind.Name && Text == name;

    public bool IsOperator(string symbol) => Kind == TokenKind.Operator && Text == symbol;

    /// <summary>The token in the words of an error message.</summary>
    public string Describe() => Kind switch
    {
        TokenKind.PrintEnd => "end of print statement",
        TokenKind.BlockEnd => "end of statement block",
        TokenKind.End => "end of template",
        TokenKind.String => "string",
        TokenKind.Number => "number",
        TokenKind.Data => "template text",
        _ => $"'{Text}'",
    };
}
