using KServePaged.Engine.ChatTemplates.Jinja.Nodes;

namespace KServePaged.Engine.ChatTemplates.Jinja.Syntax;

/// <summary>What follows an expression: attributes, subscripts, calls, filters and tests.</summary>
internal sealed class PostfixParser(TokenStream tokens, ExpressionParser expressions)
{
    public Expression Parse(Expression expression)
    {
        while (tokens.Current.Kind == TokenKind.Operator)
        {
            Token token = tokens.Current;
            switch (token.Text)
            {
                case ".":
                    tokens.Next();
                    expression = ParseAttribute(expression, token.Line);
                    break;
                case "[":
                    tokens.Next();
                    expression = ParseSubscript(expression, token.Line);
                    break;
                case "(":
                    expression = expressions.Nest(new CallExpression(token.Line, expression, ParseArguments()));
                    break;
                default:
                    return expression;
            }
        }
        return expression;
    }

    private Expression ParseAttribute(Expression owner, int line)
    {
        Token name = tokens.Next();
        return name.Kind switch
        {
            TokenKind.Name => expressions.Nest(new AttributeExpression(line, owner, name.Text)),
            TokenKind.Number when name.Literal.IsIntegral => expressions.Nest(new ItemExpression(line, owner, new ConstantExpression(line, name.Literal))),
            _ => throw tokens.Error("expected name or number", name.Line),
        };
    }

    private Expression ParseSubscript(Expression owner, int line)
    {
        if (tokens.Current.IsOperator(":"))
        {
            return ParseSlice(owner, null, line);
        }
        List<Expression> keys = [];
        while (!tokens.Current.IsOperator("]"))
        {
            if (keys.Count > 0)
            {
                tokens.ExpectOperator(",");
            }
            keys.Add(expressions.Parse());
            if (keys.Count == 1 && tokens.Current.IsOperator(":"))
            {
                return ParseSlice(owner, keys[0], line);
            }
        }
        tokens.ExpectOperator("]");
        Expression key = keys.Count == 1 ? keys[0] : expressions.Nest(new TupleExpression(line, [.. keys]));
        return expressions.Nest(new ItemExpression(line, owner, key));
    }

    private SliceExpression ParseSlice(Expression owner, Expression? start, int line)
    {
        tokens.ExpectOperator(":");
        Expression? stop = ParseBound();
        Expression? step = tokens.SkipOperator(":") ? ParseBound() : null;
        tokens.ExpectOperator("]");
        return expressions.Nest(new SliceExpression(line, owner, start, stop, step));

        Expression? ParseBound() => tokens.Current.IsOperator(":") || tokens.Current.IsOperator("]") ? null : expressions.Parse();
    }

    public Expression ParseFiltersAndTests(Expression expression)
    {
        while (true)
        {
            if (tokens.Current.IsOperator("|"))
            {
                expression = ParseFilters(expression);
            }
            else if (tokens.Current.IsName("is"))
            {
                expression = ParseTest(expression);
            }
            else if (tokens.Current.IsOperator("("))
            {
                expression = expressions.Nest(new CallExpression(tokens.Current.Line, expression, ParseArguments()));
            }
            else
            {
                return expression;
            }
        }
    }

    private Expression ParseTest(Expression input)
    {
        tokens.Next();
        bool negated = tokens.SkipName("not");
        (string name, int line) = ParseDottedName();
        ArgumentList arguments = ArgumentList.Empty;
        Token token = tokens.Current;
        if (token.IsOperator("("))
        {
            arguments = ParseArguments();
        }
        else if (StartsTestArgument(token))
        {
            if (token.IsName("is"))
            {
                throw tokens.Error("tests cannot be chained with 'is'");
            }
            arguments = new ArgumentList([Parse(expressions.ParsePrimary())], [], null, null);
        }
        Expression test = expressions.Nest(new FilterExpression(line, isTest: true, input, name, arguments));
        return negated ? expressions.Nest(new NotExpression(line, test)) : test;
    }

    /// <summary>A test may have one argument without parentheses: <c>is divisibleby 3</c>.</summary>
    private static bool StartsTestArgument(Token token) => token.Kind switch
    {
        TokenKind.Name => token.Text is not ("else" or "or" or "and"),
        TokenKind.String or TokenKind.Number => true,
        TokenKind.Operator => token.Text is "[" or "{",
        _ => false,
    };

    private (string Name, int Line) ParseDottedName()
    {
        Token first = tokens.Expect(TokenKind.Name, "name");
        string name = first.Text;
        while (tokens.SkipOperator("."))
        {
            name += "." + tokens.ExpectName();
        }
        return (name, first.Line);
    }

    /// <summary>Filters one after the other, applied to <paramref name="input"/>.</summary>
    /// <param name="startsInline">The first stands without a bar, as in a filter tag.</param>
    public Expression ParseFilters(Expression input, bool startsInline = false)
    {
        while (startsInline || tokens.SkipOperator("|"))
        {
            startsInline = false;
            (string name, int line) = ParseDottedName();
            ArgumentList arguments = tokens.Current.IsOperator("(") ? ParseArguments() : ArgumentList.Empty;
            input = expressions.Nest(new FilterExpression(line, isTest: false, input, name, arguments));
        }
        return input;
    }

    private ArgumentList ParseArguments()
    {
        int line = tokens.Current.Line;
        tokens.ExpectOperator("(");
        var draft = new Draft();
        for (bool first = true; !tokens.Current.IsOperator(")"); first = false)
        {
            if (!first)
            {
                tokens.ExpectOperator(",");
                if (tokens.Current.IsOperator(")"))
                {
                    break;
                }
            }
            if (!ParseArgument(draft))
            {
                throw tokens.Error("invalid syntax for function call expression", line);
            }
        }
        tokens.ExpectOperator(")");
        return new ArgumentList([.. draft.Positional], [.. draft.Named], draft.MorePositional, draft.MoreNamed);
    }

    /// <returns>False where an argument of this kind may not follow those before it.</returns>
    private bool ParseArgument(Draft draft)
    {
        bool isLast = draft.MoreNamed is not null;
        if (tokens.SkipOperator("*"))
        {
            isLast |= draft.MorePositional is not null;
            draft.MorePositional = expressions.Parse();
        }
        else if (tokens.SkipOperator("**"))
        {
            draft.MoreNamed = expressions.Parse();
        }
        else if (tokens.Current.Kind == TokenKind.Name && tokens.Following.IsOperator("="))
        {
            string name = tokens.Next().Text;
            tokens.Next();
            isLast |= draft.Named.Exists(argument => argument.Name == name);
            draft.Named.Add((name, expressions.Parse()));
        }
        else
        {
            isLast |= draft.MorePositional is not null || draft.Named.Count > 0;
            draft.Positional.Add(expressions.Parse());
        }
        return !isLast;
    }

    /// <summary>The arguments of a call as far as they are read.</summary>
    private sealed class Draft
    {
        public List<Expression> Positional { get; } = [];

        public List<(string Name, Expression Value)> Named { get; } = [];

        public Expression? MorePositional { get; set; }

        public Expression? MoreNamed { get; set; }
    }
}
