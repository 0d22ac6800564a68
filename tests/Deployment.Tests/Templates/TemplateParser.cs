using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace KServePaged.Deployment.Tests.Templates;

/// <summary>The subset of Go's templates that the chart, KServe's placeholders and our LLM config use.</summary>
internal sealed class TemplateParser
{
    private readonly List<(bool IsAction, string Text)> _pieces;
    private int _next;
    private List<string> _words = [];
    private int _word;

    private TemplateParser(string template) => _pieces = TemplateLexer.Split(template);

    public static List<TemplateNode> Parse(string template)
    {
        var parser = new TemplateParser(template);
        List<TemplateNode> nodes = parser.Body(out string? end);
        return end is null ? nodes : throw new TemplateException($"unexpected {{{{ {end} }}}}");
    }

    private List<TemplateNode> Body(out string? end)
    {
        var nodes = new List<TemplateNode>();
        while (_next < _pieces.Count)
        {
            (bool isAction, string text) = _pieces[_next++];
            if (!isAction)
            {
                nodes.Add(new TemplateNode.Text(text));
                continue;
            }
            (_words, _word) = (TemplateLexer.Words(text), 0);
            switch (Peek())
            {
                case "end" or "else": end = Peek(); return nodes;
                case "if": Take(); nodes.Add(If()); break;
                case "with": Take(); nodes.Add(With()); break;
                case "range": Take(); nodes.Add(Range()); break;
                case "define": Take(); nodes.Add(Define()); break;
                case null: throw new TemplateException("missing value for command");
                default: nodes.Add(Simple()); break;
            }
        }
        end = null;
        return nodes;
    }

    private TemplateNode.If If()
    {
        Expression condition = WholePipeline();
        List<TemplateNode> then = Body(out string? end);
        if (end != "else")
        {
            return Closed(end, new TemplateNode.If(condition, then, []));
        }
        Take();
        if (Peek() == "if")
        {
            Take();
            return new TemplateNode.If(condition, then, [If()]); // its end is this one's too
        }
        List<TemplateNode> otherwise = Body(out end);
        return Closed(end, new TemplateNode.If(condition, then, otherwise));
    }

    private TemplateNode.With With()
    {
        Expression value = WholePipeline();
        (List<TemplateNode> then, List<TemplateNode> otherwise) = Branches();
        return new TemplateNode.With(value, then, otherwise);
    }

    private TemplateNode.Range Range()
    {
        string? key = null, item = null;
        if (_words.Contains(":="))
        {
            item = Take();
            if (Peek() == ",")
            {
                Take();
                (key, item) = (item, Take());
            }
            Expect(":=");
        }
        Expression items = WholePipeline();
        (List<TemplateNode> body, List<TemplateNode> otherwise) = Branches();
        return new TemplateNode.Range(key, item, items, body, otherwise);
    }

    private TemplateNode.Define Define()
    {
        string name = Take().Trim('"');
        List<TemplateNode> body = Body(out string? end);
        return Closed(end, new TemplateNode.Define(name, body));
    }

    private (List<TemplateNode> Then, List<TemplateNode> Else) Branches()
    {
        List<TemplateNode> then = Body(out string? end);
        List<TemplateNode> otherwise = [];
        if (end == "else")
        {
            otherwise = Body(out end);
        }
        return Closed(end, (then, otherwise));
    }

    private static T Closed<T>(string? end, T node) => end == "end" ? node : throw new TemplateException("unexpected EOF: an {{ end }} is missing");

    private TemplateNode Simple()
    {
        if (_words[0].StartsWith('$') && _words.FirstOrDefault(word => word is ":=" or "=") is { } assignment)
        {
            string variable = Take();
            Expect(assignment);
            return new TemplateNode.Assign(variable, assignment == ":=", WholePipeline());
        }
        return new TemplateNode.Output(WholePipeline());
    }

    private Expression WholePipeline()
    {
        Expression pipeline = Pipeline();
        return Peek() is { } left ? throw new TemplateException($"unexpected {left} in command") : pipeline;
    }

    private Expression Pipeline()
    {
        Expression value = Command(null);
        while (Peek() == "|")
        {
            Take();
            value = Command(value);
        }
        return value;
    }

    private Expression Command(Expression? piped)
    {
        if (Peek() is { } word && (char.IsLetter(word[0]) || word[0] == '_') && word is not ("true" or "false" or "nil"))
        {
            string function = Take();
            var arguments = new List<Expression>();
            while (Peek() is { } next && next is not ("|" or ")"))
            {
                arguments.Add(Operand());
            }
            return new Expression.Call(function, piped is null ? arguments : [.. arguments, piped]);
        }
        return piped is null ? Operand() : throw new TemplateException("non executable command in pipeline");
    }

    private Expression Operand()
    {
        string word = Take();
        if (word == "(")
        {
            Expression inner = Pipeline();
            Expect(")");
            return Path() is { Count: > 0 } path ? new Expression.Field(inner, null, path) : inner;
        }
        if (word == ".")
        {
            _word--;
            return new Expression.Field(null, null, Path());
        }
        if (word[0] == '$')
        {
            return new Expression.Field(null, word, Path());
        }
        return word switch
        {
            "true" or "false" => new Expression.Literal(JsonValue.Create(word == "true")),
            "nil" => new Expression.Literal(null),
            _ when word[0] == '"' => new Expression.Literal(JsonSerializer.Deserialize<string>(word)),
            _ when word[0] == '`' => new Expression.Literal(word[1..^1]),
            _ when char.IsDigit(word[0]) || word[0] == '-' => new Expression.Literal(JsonNode.Parse(decimal.Parse(word, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture))),
            _ when char.IsLetter(word[0]) => new Expression.Call(word, []),
            _ => throw new TemplateException($"unexpected {word} in operand"),
        };
    }

    // .a.b without a blank between; a dot alone is the dot itself.
    private List<string> Path()
    {
        var path = new List<string>();
        while (_word < _words.Count && _words[_word] == ".")
        {
            _word++;
            if (_word < _words.Count && (char.IsLetter(_words[_word][0]) || _words[_word][0] == '_'))
            {
                path.Add(_words[_word++]);
            }
        }
        return path;
    }

    private string? Peek()
    {
        while (_word < _words.Count && _words[_word] == " ")
        {
            _word++;
        }
        return _word < _words.Count ? _words[_word] : null;
    }

    private string Take()
    {
        string word = Peek() ?? throw new TemplateException("missing value for command");
        _word++;
        return word;
    }

    private void Expect(string word)
    {
        if (Take() is var found && found != word)
        {
            throw new TemplateException($"unexpected {found}, expected {word}");
        }
    }
}
