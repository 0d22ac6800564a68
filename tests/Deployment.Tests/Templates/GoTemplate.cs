using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace KServePaged.Deployment.Tests.Templates;

/// <summary>
/// Renders Go templates over JSON values. There is no helm and no Go on the machines that run these tests, so this is a small renderer of its own for
/// the constructs that our files use: if, else if, with, range, define, variables, pipelines and the functions it is given. Anything else throws.
/// </summary>
internal sealed class GoTemplate(IReadOnlyDictionary<string, Func<JsonNode?[], JsonNode?>> functions)
{
    private readonly Dictionary<string, List<TemplateNode>> _defined = [];

    /// <summary>How a value becomes text; html/template escapes here.</summary>
    public Func<string, string> Escape { get; init; } = text => text;

    /// <summary>Which values are structs in Go: a name that one has not is an error, where a map gives nothing.</summary>
    public Func<JsonObject, bool> IsStruct { get; init; } = _ => false;

    /// <summary>Reads the definitions of a file of helpers.</summary>
    public void Define(string template)
    {
        foreach (TemplateNode.Define define in TemplateParser.Parse(template).OfType<TemplateNode.Define>())
        {
            _defined[define.Name] = define.Body;
        }
    }

    public string Render(string template, JsonNode data) => Render(TemplateParser.Parse(template), data);

    private string Render(List<TemplateNode> nodes, JsonNode? dot)
    {
        var text = new StringBuilder();
        Render(nodes, dot, new Scope(null) { ["$"] = dot }, text);
        return text.ToString();
    }

    private void Render(List<TemplateNode> nodes, JsonNode? dot, Scope scope, StringBuilder text)
    {
        foreach (TemplateNode node in nodes)
        {
            switch (node)
            {
                case TemplateNode.Text literal: text.Append(literal.Value); break;
                case TemplateNode.Output output: text.Append(Escape(Text(Evaluate(output.Pipeline, dot, scope)))); break;
                case TemplateNode.Assign assign: scope.Set(assign.Variable, Evaluate(assign.Pipeline, dot, scope), assign.Declares); break;
                case TemplateNode.Define: break;
                case TemplateNode.If choice: Render(IsTrue(Evaluate(choice.Condition, dot, scope)) ? choice.Then : choice.Else, dot, new Scope(scope), text); break;
                case TemplateNode.With with:
                    JsonNode? value = Evaluate(with.Value, dot, scope);
                    Render(IsTrue(value) ? with.Then : with.Else, IsTrue(value) ? value : dot, new Scope(scope), text);
                    break;
                case TemplateNode.Range range: Range(range, dot, scope, text); break;
                default: throw new TemplateException($"no way to render {node.GetType().Name}");
            }
        }
    }

    private void Range(TemplateNode.Range range, JsonNode? dot, Scope scope, StringBuilder text)
    {
        List<(JsonNode? Key, JsonNode? Item)> items = Evaluate(range.Items, dot, scope) switch
        {
            JsonArray array => [.. array.Select((item, i) => ((JsonNode?)i, item))],
            JsonObject map => [.. map.OrderBy(field => field.Key, StringComparer.Ordinal).Select(field => ((JsonNode?)field.Key, field.Value))],
            null => [],
            var other => throw new TemplateException($"range can't iterate over {other.ToJsonString()}"),
        };
        foreach ((JsonNode? key, JsonNode? item) in items)
        {
            var inner = new Scope(scope);
            if (range.Key is not null)
            {
                inner[range.Key] = key;
            }
            if (range.Item is not null)
            {
                inner[range.Item] = item;
            }
            Render(range.Body, item, inner, text);
        }
        if (items.Count == 0)
        {
            Render(range.Else, dot, new Scope(scope), text);
        }
    }

    private JsonNode? Evaluate(Expression expression, JsonNode? dot, Scope scope) => expression switch
    {
        Expression.Literal literal => literal.Value,
        Expression.Field field => Follow(field.Of is not null ? Evaluate(field.Of, dot, scope) : field.Variable is null ? dot : scope.Get(field.Variable), field.Path),
        Expression.Call call => Call(call, dot, scope),
        _ => throw new TemplateException($"no way to evaluate {expression.GetType().Name}"),
    };

    private JsonNode? Follow(JsonNode? value, List<string> path)
    {
        foreach (string name in path)
        {
            value = value switch
            {
                JsonObject map when map.TryGetPropertyValue(name, out JsonNode? field) => field,
                JsonObject map when IsStruct(map) => throw new TemplateException($"can't evaluate field {name}"),
                JsonObject => null,
                null => throw new TemplateException($"nil pointer evaluating .{name}"),
                _ => throw new TemplateException($"can't evaluate field {name} in {value.ToJsonString()}"),
            };
        }
        return value;
    }

    private JsonNode? Call(Expression.Call call, JsonNode? dot, Scope scope)
    {
        switch (call.Function)
        {
            case "and" or "or": // these stop at the first argument that decides
                JsonNode? last = null;
                foreach (Expression argument in call.Arguments)
                {
                    last = Evaluate(argument, dot, scope);
                    if (IsTrue(last) == (call.Function == "or"))
                    {
                        break;
                    }
                }
                return last;
            case "include":
                string name = Evaluate(call.Arguments[0], dot, scope)!.GetValue<string>(); // a literal
                return _defined.TryGetValue(name, out List<TemplateNode>? body)
                    ? Render(body, Evaluate(call.Arguments[1], dot, scope))
                    : throw new TemplateException($"template {name} not defined");
            default:
                return functions.TryGetValue(call.Function, out Func<JsonNode?[], JsonNode?>? function)
                    ? function([.. call.Arguments.Select(argument => Evaluate(argument, dot, scope))])
                    : throw new TemplateException($"function \"{call.Function}\" not defined");
        }
    }

    public static bool IsTrue(JsonNode? value) => value switch
    {
        null => false,
        JsonObject map => map.Count > 0,
        JsonArray array => array.Count > 0,
        _ => value.GetValueKind() switch
        {
            JsonValueKind.String => value.GetValue<string>().Length > 0,
            JsonValueKind.Number => value.ToJsonString() is not ("0" or "0.0"),
            JsonValueKind.True => true,
            _ => false,
        },
    };

    public static string Text(JsonNode? value) => value switch
    {
        null => "",
        JsonObject or JsonArray => throw new TemplateException($"{value.ToJsonString()} would be written as Go writes it: use toYaml"),
        _ when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
        _ => value.ToJsonString(),
    };

    private sealed class Scope(Scope? outer)
    {
        private readonly Dictionary<string, JsonNode?> _variables = [];

        public JsonNode? this[string name]
        {
            set => _variables[name] = value;
        }

        public JsonNode? Get(string name) => Holding(name)._variables[name];

        public void Set(string name, JsonNode? value, bool declares) => (declares ? this : Holding(name))._variables[name] = value;

        private Scope Holding(string name) => _variables.ContainsKey(name) ? this : outer?.Holding(name) ?? throw new TemplateException($"undefined variable \"{name}\"");
    }
}
