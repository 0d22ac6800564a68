using KServePaged.Engine.ChatTemplates.Jinja.Nodes;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Syntax;

/// <summary>Expressions, by recursive descent: one method a level of precedence.</summary>
internal sealed class ExpressionParser
{
    // Evaluation takes a few hundred bytes of stack a level; chains such as a + b + c nest as well.
    private const int MaxDepth = 250;

    private readonly TokenStream _tokens;
    private readonly PostfixParser _postfix;

    public ExpressionParser(TokenStream stream)
    {
        _tokens = stream;
        _postfix = new PostfixParser(stream, this);
    }

    public Expression Parse(bool withConditional = true)
    {
        _tokens.Enter();
        Expression expression = withConditional ? ParseConditional() : ParseOr();
        _tokens.Leave();
        return expression;
    }

    /// <summary>An expression, or a tuple where there are commas.</summary>
    /// <param name="endName">A name that ends the tuple after a comma.</param>
    /// <param name="mayBeEmpty">Between parentheses nothing at all is the empty tuple.</param>
    public Expression ParseTuple(bool withConditional = true, string? endName = null, bool mayBeEmpty = false)
    {
        int line = _tokens.Current.Line;
        List<Expression> items = [];
        bool isTuple = false;
        while (!EndsTuple(endName))
        {
            items.Add(Parse(withConditional));
            if (!_tokens.SkipOperator(","))
            {
                break;
            }
            isTuple = true;
        }
        if (!isTuple && items.Count == 1)
        {
            return items[0];
        }
        return isTuple || mayBeEmpty
            ? Nest(new TupleExpression(line, [.. items]))
            : throw _tokens.Error($"expected an expression, got {_tokens.Current.Describe()}");
    }

    /// <summary>Filters one after the other, applied to <paramref name="input"/>.</summary>
    /// <param name="startsInline">The first stands without a bar, as in a filter tag.</param>
    public Expression ParseFilters(Expression input, bool startsInline = false) => _postfix.ParseFilters(input, startsInline);

    private bool EndsTuple(string? endName) => _tokens.Current.Kind is TokenKind.PrintEnd or TokenKind.BlockEnd or TokenKind.End
        || _tokens.Current.IsOperator(")") || (endName is not null && _tokens.Current.IsName(endName));

    /// <summary>Notes how deeply a new expression nests and refuses what evaluation could not take.</summary>
    public T Nest<T>(T expression)
        where T : Expression
    {
        expression.Depth = 1 + expression.Children.OfType<Expression>().Select(child => child.Depth).DefaultIfEmpty().Max();
        return expression.Depth > MaxDepth
            ? throw _tokens.Error($"an expression nests more than {MaxDepth} levels deep", expression.Line)
            : expression;
    }

    private Expression ParseConditional()
    {
        int line = _tokens.Current.Line;
        Expression expression = ParseOr();
        while (_tokens.SkipName("if"))
        {
            Expression test = ParseOr();
            Expression? otherwise = _tokens.SkipName("else") ? Parse() : null;
            expression = Nest(new ConditionalExpression(line, test, expression, otherwise));
        }
        return expression;
    }

    private Expression ParseOr()
    {
        Expression left = ParseAnd();
        while (_tokens.Current.IsName("or"))
        {
            int line = _tokens.Next().Line;
            left = Nest(new LogicalExpression(line, isAnd: false, left, ParseAnd()));
        }
        return left;
    }

    private Expression ParseAnd()
    {
        Expression left = ParseNot();
        while (_tokens.Current.IsName("and"))
        {
            int line = _tokens.Next().Line;
            left = Nest(new LogicalExpression(line, isAnd: true, left, ParseNot()));
        }
        return left;
    }

    private Expression ParseNot()
    {
        if (!_tokens.Current.IsName("not"))
        {
            return ParseComparison();
        }
        int line = _tokens.Next().Line;
        _tokens.Enter();
        Expression operand = ParseNot();
        _tokens.Leave();
        return Nest(new NotExpression(line, operand));
    }

    private Expression ParseComparison()
    {
        int line = _tokens.Current.Line;
        Expression first = ParseSum();
        List<(string, Expression)> rest = [];
        while (ReadComparison() is string symbol)
        {
            rest.Add((symbol, ParseSum()));
        }
        return rest.Count == 0 ? first : Nest(new CompareExpression(line, first, [.. rest]));
    }

    private string? ReadComparison()
    {
        Token token = _tokens.Current;
        if (token.Kind == TokenKind.Operator && token.Text is "==" or "!=" or "<" or "<=" or ">" or ">=")
        {
            return _tokens.Next().Text;
        }
        if (_tokens.SkipName("in"))
        {
            return "in";
        }
        if (token.IsName("not") && _tokens.Following.IsName("in"))
        {
            _tokens.Next();
            _tokens.Next();
            return "not in";
        }
        return null;
    }

    private Expression ParseSum()
    {
        Expression left = ParseConcat();
        while (_tokens.Current.Kind == TokenKind.Operator && _tokens.Current.Text is "+" or "-")
        {
            Token symbol = _tokens.Next();
            left = Nest(new BinaryExpression(symbol.Line, symbol.Text, left, ParseConcat()));
        }
        return left;
    }

    private Expression ParseConcat()
    {
        int line = _tokens.Current.Line;
        List<Expression> parts = [ParseProduct()];
        while (_tokens.SkipOperator("~"))
        {
            parts.Add(ParseProduct());
        }
        return parts.Count == 1 ? parts[0] : Nest(new ConcatExpression(line, [.. parts]));
    }

    private Expression ParseProduct()
    {
        Expression left = ParsePower();
        while (_tokens.Current.Kind == TokenKind.Operator && _tokens.Current.Text is "*" or "/" or "//" or "%")
        {
            Token symbol = _tokens.Next();
            left = Nest(new BinaryExpression(symbol.Line, symbol.Text, left, ParsePower()));
        }
        return left;
    }

    /// <summary>Unlike Python's, Jinja's power binds to the left and less tightly than a sign.</summary>
    private Expression ParsePower()
    {
        Expression left = ParseUnary(withFilters: true);
        while (_tokens.Current.IsOperator("**"))
        {
            Token symbol = _tokens.Next();
            left = Nest(new BinaryExpression(symbol.Line, symbol.Text, left, ParseUnary(withFilters: true)));
        }
        return left;
    }

    private Expression ParseUnary(bool withFilters)
    {
        Token token = _tokens.Current;
        Expression expression;
        if (token.IsOperator("-") || token.IsOperator("+"))
        {
            _tokens.Next();
            _tokens.Enter();
            expression = Nest(new SignExpression(token.Line, token.Text == "-", ParseUnary(withFilters: false)));
            _tokens.Leave();
        }
        else
        {
            expression = ParsePrimary();
        }
        expression = _postfix.Parse(expression);
        return withFilters ? _postfix.ParseFiltersAndTests(expression) : expression;
    }

    /// <summary>Names, literals and what stands in brackets.</summary>
    public Expression ParsePrimary()
    {
        Token token = _tokens.Next();
        switch (token.Kind)
        {
            case TokenKind.Name:
                return token.Text switch
                {
                    "true" or "True" => new ConstantExpression(token.Line, Value.True),
                    "false" or "False" => new ConstantExpression(token.Line, Value.False),
                    "none" or "None" => new ConstantExpression(token.Line, Value.None),
                    _ => new NameExpression(token.Line, token.Text),
                };
            case TokenKind.String:
                List<string> parts = [token.Literal.AsString];
                while (_tokens.Current.Kind == TokenKind.String)
                {
                    parts.Add(_tokens.Next().Literal.AsString);
                }
                return new ConstantExpression(token.Line, Value.Of(string.Concat(parts)));
            case TokenKind.Number:
                return new ConstantExpression(token.Line, token.Literal);
            case TokenKind.Operator when token.Text == "(":
                Expression inner = ParseTuple(mayBeEmpty: true);
                _tokens.ExpectOperator(")");
                return inner;
            case TokenKind.Operator when token.Text == "[":
                return ParseList(token.Line);
            case TokenKind.Operator when token.Text == "{":
                return ParseDict(token.Line);
            default:
                throw _tokens.Error($"unexpected {token.Describe()}", token.Line);
        }
    }

    private ListExpression ParseList(int line)
    {
        List<Expression> items = [];
        while (!_tokens.SkipOperator("]"))
        {
            if (items.Count > 0)
            {
                _tokens.ExpectOperator(",");
                if (_tokens.SkipOperator("]"))
                {
                    break;
                }
            }
            items.Add(Parse());
        }
        return Nest(new ListExpression(line, [.. items]));
    }

    private DictExpression ParseDict(int line)
    {
        List<KeyValuePair<Expression, Expression>> entries = [];
        while (!_tokens.SkipOperator("}"))
        {
            if (entries.Count > 0)
            {
                _tokens.ExpectOperator(",");
                if (_tokens.SkipOperator("}"))
                {
                    break;
                }
            }
            Expression key = Parse();
            _tokens.ExpectOperator(":");
            entries.Add(new(key, Parse()));
        }
        return Nest(new DictExpression(line, [.. entries]));
    }
}
