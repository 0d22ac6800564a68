namespace KServePaged.Engine.Tests.ChatTemplates.Jinja;

/// <summary>Broken templates are refused when they are read, with file and line.</summary>
public sealed class SyntaxErrorTests
{
    [Theory]
    [InlineData("{{ 1 ", 1)]
    [InlineData("a\n{{ }}", 2)]
    [InlineData("{{ 1 + }}", 1)]
    [InlineData("{{ (1 }}", 1)]
    [InlineData("{{ 1) }}", 1)]
    [InlineData("{{ [1} }}", 1)]
    [InlineData("{{ 'a }}", 1)]
    [InlineData("{{ 'a\\x4' }}", 1)]
    [InlineData("{{ a ? b }}", 1)]
    [InlineData("{{ 1 2 }}", 1)]
    [InlineData("{{ f(a=1, 2) }}", 1)]
    [InlineData("{{ x is }}", 1)]
    [InlineData("{{ x is a is b }}", 1)]
    [InlineData("\n\n{% if x %}", 3)]
    [InlineData("{% if x %}\n{% endfor %}", 2)]
    [InlineData("{% endif %}", 1)]
    [InlineData("{% for x %}{% endfor %}", 1)]
    [InlineData("{% for 1 in x %}{% endfor %}", 1)]
    [InlineData("{% for loop in x %}{% endfor %}", 1)]
    [InlineData("{% set true = 1 %}", 1)]
    [InlineData("{% set x.y[0] = 1 %}", 1)]
    [InlineData("{% break %}", 1)]
    [InlineData("{% for i in x %}{% macro m() %}{% continue %}{% endmacro %}{% endfor %}", 1)]
    [InlineData("{% macro m(a=1, b) %}{% endmacro %}", 1)]
    [InlineData("{% macro m(a, a) %}{% endmacro %}", 1)]
    [InlineData("{% macro m(caller) %}{{ caller() }}{% endmacro %}", 1)]
    [InlineData("{% call x %}{% endcall %}", 1)]
    [InlineData("{% unknown %}", 1)]
    [InlineData("{{ 1|nope }}", 1)]
    [InlineData("{{ 1 is nope }}", 1)]
    [InlineData("x {# never closed", 1)]
    [InlineData("{% raw %} never closed", 1)]
    [InlineData("{% block a %}{% endblock %}\n{% block a %}{% endblock %}", 2)]
    public void Parse_BrokenTemplate_NamesFileAndLine(string template, int line)
    {
        var error = Assert.Throws<InvalidDataException>(() => TemplateRunner.Render(template));
        Assert.StartsWith($"test.jinja, line {line}: ", error.Message);
    }

    [Theory]
    [InlineData("(", ")")]
    [InlineData("[", "]")]
    [InlineData("{1: ", "}")]
    [InlineData("-", "")]
    [InlineData("not ", "")]
    [InlineData("", "+1")]
    [InlineData("", ".x")]
    [InlineData("", "|e")]
    [InlineData("", "()")]
    [InlineData("", " if 1 else 1")]
    [InlineData("", " and 1")]
    [InlineData("", " ** 1")]
    public void Parse_ExpressionNestedWithoutEnd_IsRefused(string before, string after) => Assert.Contains("levels deep", Assert.Throws<InvalidDataException>(
        () => TemplateRunner.Render("{{ " + Repeat(before) + "1" + Repeat(after) + " }}")).Message);

    [Theory]
    [InlineData("{% if 1 %}")]
    [InlineData("{% for i in x %}")]
    [InlineData("{% macro m() %}")]
    [InlineData("{% set x %}")]
    public void Parse_TagsNestedWithoutEnd_IsRefused(string tag) =>
        Assert.Contains("levels deep", Assert.Throws<InvalidDataException>(() => TemplateRunner.Render(Repeat(tag))).Message);

    [Fact]
    public void Parse_LongFlatTemplates_AreFine()
    {
        Assert.Equal(2000, TemplateRunner.Render("{{ 'a'" + string.Concat(Enumerable.Repeat(" ~ 'a'", 1999)) + " }}").Length);
        Assert.Equal(2000, TemplateRunner.Render("{{ 'a'" + string.Concat(Enumerable.Repeat(" 'a'", 1999)) + " }}").Length);
        Assert.Equal("x", TemplateRunner.Render("{% if 0 %}" + string.Concat(Enumerable.Repeat("{% elif 0 %}", 2000)) + "{% else %}x{% endif %}"));
    }

    private static string Repeat(string text) => string.Concat(Enumerable.Repeat(text, 3000));
}
