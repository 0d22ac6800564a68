using KServePaged.Engine.ChatTemplates.Jinja.Nodes;

namespace KServePaged.Engine.ChatTemplates.Jinja.Syntax;

/// <summary>Tags and the text between them. Loading other templates does not exist here: a chat template stands alone.</summary>
internal sealed class StatementParser
{
    private readonly TokenStream _tokens;
    private readonly ExpressionParser _expressions;
    private readonly TargetParser _targets;
    private readonly Stack<string[]> _closingTags = new();

    public StatementParser(TokenStream tokens)
    {
        _tokens = tokens;
        _expressions = new ExpressionParser(tokens);
        _targets = new TargetParser(tokens);
    }

    /// <exception cref="InvalidDataException">The template is broken.</exception>
    public Statement[] ParseTemplate() => ParseUntil([]);

    /// <summary>Statements up to one of the tags, whose name is left as the current token; up to the end where none is given.</summary>
    private Statement[] ParseUntil(string[] endTags)
    {
        _tokens.Enter();
        _closingTags.Push(endTags);
        List<Statement> body = [];
        while (_tokens.Current.Kind != TokenKind.End)
        {
            Token token = _tokens.Next();
            switch (token.Kind)
            {
                case TokenKind.Data:
                    body.Add(new TextStatement(token.Line, token.Text));
                    break;
                case TokenKind.PrintBegin:
                    body.Add(new PrintStatement(token.Line, _expressions.ParseTuple()));
                    _tokens.Expect(TokenKind.PrintEnd, "end of print statement");
                    break;
                default:
                    if (_tokens.Current.Kind == TokenKind.Name && endTags.Contains(_tokens.Current.Text))
                    {
                        Leave();
                        return [.. body];
                    }
                    body.AddRange(ParseTag());
                    _tokens.Expect(TokenKind.BlockEnd, "end of statement block");
                    break;
            }
        }
        if (endTags.Length > 0)
        {
            throw _tokens.Error($"unexpected end of template, looking for {Describe(endTags)}");
        }
        Leave();
        return [.. body];
    }

    private void Leave()
    {
        _closingTags.Pop();
        _tokens.Leave();
    }

    private static string Describe(string[] tags) => string.Join(" or ", tags.Select(tag => $"'{tag}'"));

    /// <summary>The body of a tag; the current token is then the name of the tag that ended it.</summary>
    private Statement[] ParseBody(params string[] endTags)
    {
        _tokens.SkipOperator(":");
        _tokens.Expect(TokenKind.BlockEnd, "end of statement block");
        return ParseUntil(endTags);
    }

    private Statement[] ParseBodyTo(string endTag)
    {
        Statement[] body = ParseBody(endTag);
        _tokens.Next();
        return body;
    }

    private List<Statement> ParseTag()
    {
        Token tag = _tokens.Expect(TokenKind.Name, "tag name");
        int line = tag.Line;
        return tag.Text switch
        {
            "if" => [ParseIf(line)],
            "for" => [ParseFor(line)],
            "set" => [ParseSet(line)],
            "macro" => [ParseMacro(line)],
            "call" => [ParseCall(line)],
            "filter" => [ParseFilter(line)],
            "with" => [ParseWith(line)],
            "print" => ParsePrint(line),
            "block" => [ParseBlock(line)],
            "autoescape" => [new AutoEscapeStatement(line, _expressions.Parse(), ParseBodyTo("endautoescape"))],
            "generation" => [new GenerationStatement(line, new MacroDefinition(null, [], [], ParseBodyTo("endgeneration")))],
            "break" => [new JumpStatement(line, Flow.Break)],
            "continue" => [new JumpStatement(line, Flow.Continue)],
            "include" or "import" or "from" or "extends" =>
                throw _tokens.Error($"'{tag.Text}' would load another template; a chat template must be complete in itself", line),
            _ => throw Unknown(tag),
        };
    }

    private InvalidDataException Unknown(Token tag)
    {
        string[] expected = _closingTags.Peek();
        string hint = expected.Length > 0 ? $"; looking for {Describe(expected)}" : string.Empty;
        return _tokens.Error($"unknown tag '{tag.Text}'{hint}", tag.Line);
    }

    private IfStatement ParseIf(int line)
    {
        Expression test = _expressions.ParseTuple(withConditional: false);
        Statement[] body = ParseBody("elif", "else", "endif");
        List<IfStatement> elseIfs = [];
        while (_tokens.Current.IsName("elif"))
        {
            int elseLine = _tokens.Next().Line;
            Expression elseTest = _expressions.ParseTuple(withConditional: false);
            elseIfs.Add(new IfStatement(elseLine, elseTest, ParseBody("elif", "else", "endif"), [], []));
        }
        Statement[] otherwise = _tokens.Next().Text == "else" ? ParseBodyTo("endif") : [];
        return new IfStatement(line, test, body, [.. elseIfs], otherwise);
    }

    private ForStatement ParseFor(int line)
    {
        Target target = _targets.Parse(endName: "in");
        _tokens.ExpectName("in");
        Expression iterable = _expressions.ParseTuple(withConditional: false, endName: "recursive");
        Expression? test = _tokens.SkipName("if") ? _expressions.Parse() : null;
        bool recursive = _tokens.SkipName("recursive");
        Statement[] body = ParseBody("endfor", "else");
        Statement[] otherwise = _tokens.Next().Text == "else" ? ParseBodyTo("endfor") : [];
        return new ForStatement(line, target, iterable, test, recursive, body, otherwise);
    }

    private Statement ParseSet(int line)
    {
        Target target = _targets.Parse(withNamespace: true);
        if (_tokens.SkipOperator("="))
        {
            return new SetStatement(line, target, _expressions.ParseTuple());
        }
        Expression? filter = _tokens.Current.IsOperator("|") ? _expressions.ParseFilters(new CapturedExpression(line)) : null;
        return new SetBlockStatement(line, target, filter, ParseBodyTo("endset"));
    }

    private MacroStatement ParseMacro(int line)
    {
        NameTarget name = _targets.ParseName();
        (NameTarget[] parameters, Expression[] defaults) = ParseSignature();
        return new MacroStatement(line, name, new MacroDefinition(name.Name, parameters, defaults, ParseBodyTo("endmacro")));
    }

    private CallBlockStatement ParseCall(int line)
    {
        (NameTarget[] parameters, Expression[] defaults) = _tokens.Current.IsOperator("(") ? ParseSignature() : ([], []);
        CallExpression call = _expressions.Parse() as CallExpression ?? throw _tokens.Error("expected a call", line);
        return new CallBlockStatement(line, call, new MacroDefinition(null, parameters, defaults, ParseBodyTo("endcall")));
    }

    private (NameTarget[] Parameters, Expression[] Defaults) ParseSignature()
    {
        List<NameTarget> parameters = [];
        List<Expression> defaults = [];
        _tokens.ExpectOperator("(");
        while (!_tokens.Current.IsOperator(")"))
        {
            if (parameters.Count > 0)
            {
                _tokens.ExpectOperator(",");
            }
            NameTarget parameter = _targets.ParseName();
            if (parameters.Any(other => other.Name == parameter.Name))
            {
                throw _tokens.Error($"duplicate parameter '{parameter.Name}'");
            }
            parameters.Add(parameter);
            if (_tokens.SkipOperator("="))
            {
                defaults.Add(_expressions.Parse());
            }
            else if (defaults.Count > 0)
            {
                throw _tokens.Error("non-default argument follows default argument");
            }
        }
        _tokens.Next();
        return ([.. parameters], [.. defaults]);
    }

    private FilterBlockStatement ParseFilter(int line)
    {
        Expression filter = _expressions.ParseFilters(new CapturedExpression(line), startsInline: true);
        return new FilterBlockStatement(line, filter, ParseBodyTo("endfilter"));
    }

    private WithStatement ParseWith(int line)
    {
        List<Target> targets = [];
        List<Expression> values = [];
        while (_tokens.Current.Kind != TokenKind.BlockEnd)
        {
            if (targets.Count > 0)
            {
                _tokens.ExpectOperator(",");
            }
            targets.Add(_targets.Parse());
            _tokens.ExpectOperator("=");
            values.Add(_expressions.Parse());
        }
        return new WithStatement(line, [.. targets], [.. values], ParseBodyTo("endwith"));
    }

    private List<Statement> ParsePrint(int line)
    {
        List<Statement> prints = [];
        while (_tokens.Current.Kind != TokenKind.BlockEnd)
        {
            if (prints.Count > 0)
            {
                _tokens.ExpectOperator(",");
            }
            prints.Add(new PrintStatement(line, _expressions.Parse()));
        }
        return prints;
    }

    private BlockStatement ParseBlock(int line)
    {
        string name = _tokens.ExpectName();
        if (_tokens.Current.IsName("scoped") || _tokens.Current.IsName("required"))
        {
            throw _tokens.Error($"a block that is {_tokens.Current.Text} is not supported");
        }
        Statement[] body = ParseBodyTo("endblock");
        _tokens.SkipName(name);
        return new BlockStatement(line, name, body);
    }
}
