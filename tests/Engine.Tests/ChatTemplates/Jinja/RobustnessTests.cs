using System.Text;
using System.Text.Json;
using KServePaged.Engine.ChatTemplates;
using KServePaged.Engine.ChatTemplates.Jinja;

namespace KServePaged.Engine.Tests.ChatTemplates.Jinja;

/// <summary>Random templates render or are refused; nothing else ever comes out, and always within the limits.</summary>
public sealed class RobustnessTests
{
    private static readonly int Rounds = Environment.GetEnvironmentVariable("KSERVEPAGED_SLOW") == "1" ? 200_000 : 5_000;

    private static readonly TemplateLimits Limits = new() { Steps = 20_000, OutputLength = 100_000, TextLength = 100_000, AllocatedCharacters = 1_000_000 };

    private static readonly string[] Soup =
    [
        "{{", "}}", "{%", "%}", "{#", "#}", "{{-", "-}}", "{%-", "-%}", "{%+", "+%}", " ", "\n", "\r\n", "x", "y", "l", "d", "s", "loop", "self",
        "1", "-1", "0", "2.5", "1e3", "0x1f", "9999999999999999999999", "''", "'a'", "\"b\\n\"", "'\\ud800'", "'😀'", "'%s%d'", "'{0}{a[0].b!r:>4}'",
        "(", ")", "[", "]", "{", "}", ",", ":", ".", "|", "~", "+", "-", "*", "**", "/", "//", "%", "=", "==", "!=", "<", ">=", ";", "!", "$", "\\",
        " if ", " else ", " elif ", " endif ", " for ", " in ", " endfor ", " recursive ", " not ", " and ", " or ", " is ", " set ", " endset ",
        " macro ", " endmacro ", " call ", " endcall ", " filter ", " endfilter ", " with ", " endwith ", " raw ", " endraw ", " break ", " continue ",
        " block ", " endblock ", " print ", " autoescape ", " generation ", "upper", "tojson", "join", "map", "select", "sort", "replace", "format",
        "split", "items", "get", "defined", "none", "true", "range", "namespace", "dict", "caller", "varargs", "kwargs", "attribute='a'", "length",
        "round", "int", "indent", "truncate", "groupby", "first", "last", "batch", "slice", "striptags", "e", "safe", "\u2028", "\0", "é", "日",
    ];

    private static readonly string[] Expressions =
    [
        "x", "l", "d", "s", "none", "undef", "1", "-3", "2.5", "10 ** 40", "'a b'", "'😀é'", "[1, [2, 'x']]", "(1, 2)", "{'a': {'b': 1}}", "range(4)",
        "l|map('string')", "d.items()", "s.split()", "namespace(a=1)", "loop", "m", "joiner()", "cycler(1, 2)", "s|safe", "nan", "1e308 * 10",
    ];

    [Fact]
    public void Render_TokenSoup_NeverCrashes()
    {
        var random = new Random(20250115);
        for (int i = 0; i < Rounds; i++)
        {
            var template = new StringBuilder();
            int length = random.Next(1, 40);
            for (int j = 0; j < length; j++)
            {
                template.Append(Soup[random.Next(Soup.Length)]);
            }
            Check(template.ToString());
        }
    }

    /// <summary>Every filter, test and method with every kind of value and arguments of every kind.</summary>
    [Fact]
    public void Render_AnythingAppliedToAnything_NeverCrashes()
    {
        var random = new Random(42);
        string[] filters = [.. Engine.ChatTemplates.Jinja.Library.Filters.Table.Keys.Order(StringComparer.Ordinal)];
        string[] tests = [.. Engine.ChatTemplates.Jinja.Library.Tests.Table.Keys.Where(name => char.IsAsciiLetter(name[0])).Order(StringComparer.Ordinal)];
        string[] methods = [.. Engine.ChatTemplates.Jinja.Library.StringMethods.Table.Keys.Order(StringComparer.Ordinal), "get", "items", "pop", "index"];
        string[] operators = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "<", ">=", "in", "not in", "and", "or", "if"];
        for (int i = 0; i < Rounds; i++)
        {
            string Any() => Expressions[random.Next(Expressions.Length)];
            string Arguments() => string.Join(", ", Enumerable.Range(0, random.Next(4)).Select(_ => Any()));
            string One(string[] names) => names[random.Next(names.Length)];
            string expression = random.Next(5) switch
            {
                0 => $"({Any()})|{One(filters)}({Arguments()})",
                1 => $"({Any()}) is {One(tests)}({Arguments()})",
                2 => $"({Any()}).{One(methods)}({Arguments()})",
                3 => $"({Any()}) {One(operators)} ({Any()})",
                _ => $"({Any()})[{Any()}:{Any()}:{Any()}]",
            };
            Check("{% macro m(a, b=1) %}{{ a }}{% endmacro %}{% for q in l %}{{ " + expression + " }}{{ [" + expression + "]|tojson }}{% endfor %}");
        }
    }

    private static void Check(string template)
    {
        try
        {
            TemplateRunner.Render(template, """{"x": 5, "l": [3, "b", null], "d": {"a": [1, {"b": "c"}], "k": 2}, "s": "some <text>"}""", Limits);
        }
        catch (Exception error) when (error is not (TemplateException or InvalidDataException))
        {
            Assert.Fail($"{JsonSerializer.Serialize(template)}: {error}");
        }
        catch (Exception error) when (error is TemplateException or InvalidDataException)
        {
            Assert.NotEmpty(error.Message);
        }
    }
}
