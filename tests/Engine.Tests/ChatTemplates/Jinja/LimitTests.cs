using KServePaged.Engine.ChatTemplates;
using KServePaged.Engine.ChatTemplates.Jinja;

namespace KServePaged.Engine.Tests.ChatTemplates.Jinja;

/// <summary>Templates that would take for ever, or all memory, end in a refusal.</summary>
public sealed class LimitTests
{
    private const string Doubling = "{% for i in range(64) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}";
    private const string Nesting = "{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] %}{% endfor %}";
    private const string Namespace = "{% set ns = namespace(x=[1], y=[1], s='ab') %}";

    [Theory]
    [InlineData("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", "steps")]
    [InlineData("{% for i in range(100000) %}{% for j in range(100000) %}{{ i }} {% endfor %}{% endfor %}", "prints more")]
    [InlineData("{{ range(100001) }}", "Range too big")]
    [InlineData("{{ 'a' * 10 ** 9 }}", "text of")]
    [InlineData("{{ [0] * 10 ** 9 }}", "text of")]
    [InlineData("{{ 'a' * 10 ** 30 }}", "text of")]
    [InlineData("{{ 2 ** (2 ** 60) }}", "bits")]
    [InlineData("{{ 10 ** (10 ** 30) }}", "bits")]
    [InlineData("{{ 'x'.center(10 ** 12) }}", "text of")]
    [InlineData("{{ '%1000000000d' % 1 }}", "text of")]
    [InlineData("{{ '{:1000000000}'.format(1) }}", "text of")]
    [InlineData("{{ '%.1000000000f' % 1 }}", "text of")]
    [InlineData("{{ '\\t'.expandtabs(10 ** 12) }}", "text of")]
    [InlineData("{{ [1]|tojson(indent=10 ** 9) }}", "text of")]
    [InlineData("{{ 'abc'|batch(10 ** 12, 1)|list }}", "text of")]
    [InlineData("{{ 'abc'|slice(10 ** 12)|list }}", "steps")]
    [InlineData(Namespace + "{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", "text of")]
    [InlineData(Namespace + "{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "text of")]
    [InlineData("{% set s = 'a' * 1000000 %}{{ s.replace('a', s) }}", "text of")]
    [InlineData("{% set s = 'a' * 1000000 %}{{ s|list|join(s) }}", "text of")]
    [InlineData("{% set l = range(100000)|list %}{% for i in range(100000) %}{% set q = l + l %}{% endfor %}", "memory")]
    [InlineData("{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{% set q = s[1:] %}{% endfor %}", "memory")]
    [InlineData("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "levels deep")]
    [InlineData("{% macro m() %}{% for i in [1, 2] %}{{ m() }}{% endfor %}{% endmacro %}{{ m() }}", "levels deep")]
    [InlineData("{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}", "levels deep")]
    [InlineData("{% block b %}{{ self.b() }}{% endblock %}", "levels deep")]
    [InlineData(Namespace + Doubling + "{{ ns.x }}", "steps")]
    [InlineData(Namespace + Doubling + "{{ ns.x|tojson }}", "steps")]
    [InlineData(Namespace + Doubling + "{{ ns.x == ns.y }}", "steps")]
    [InlineData(Namespace + Doubling + "{{ ns.x < ns.y }}", "steps")]
    [InlineData(Namespace + Nesting + "{{ ns.x }}", "nests too deeply")]
    [InlineData(Namespace + Nesting + "{{ ns.x|tojson }}", "nests too deeply")]
    [InlineData(Namespace + Nesting + "{{ ns.x == ns.y }}", "nests too deeply")]
    [InlineData(Namespace + "{% set ns.a = ns %}{{ ns }}", "nests too deeply")]
    [InlineData("{% set s = '9' * 4000 %}{% for i in range(100000) %}{% set q = s|int * s|int %}{% endfor %}", "steps")]
    [InlineData("{% set s = 'ß' * 100000 %}{% for i in range(100000) %}{% set q = s is lower %}{% endfor %}", "steps")]
    [InlineData("{% set l = range(100000)|list %}{% for i in range(100000) %}{% set q = l|sort %}{% endfor %}", "steps")]
    [InlineData("{% set l = range(100000)|list %}{% for i in range(100000) %}{% set q = -1 in l %}{% endfor %}", "steps")]
    public void Render_WithoutEnd_IsRefused(string template, string message) =>
        Assert.Contains(message, Assert.Throws<TemplateException>(() => TemplateRunner.Render(template)).Message);

    [Fact]
    public void Render_LongPatternThatNearlyMatchesEverywhere_IsLinear() => Assert.Equal(
        "-1 -1", TemplateRunner.Render("{% set s = 'a' * 4000000 %}{% set p = 'a' * 2000000 %}{{ s.find(p + 'b') }} {{ s.rfind('b' + p) }}"));

    [Fact]
    public void Render_WithinLimits_CountsOnlyWhatIsUsed()
    {
        const string Template = "{% for i in range(100) %}{{ i }}{% endfor %}";
        Assert.Equal(190, TemplateRunner.Render(Template, limits: new TemplateLimits { Steps = 1000, OutputLength = 4000 }).Length);
        Assert.Throws<TemplateException>(() => TemplateRunner.Render(Template, limits: new TemplateLimits { Steps = 100 }));
        Assert.Throws<TemplateException>(() => TemplateRunner.Render(Template, limits: new TemplateLimits { OutputLength = 100 }));
    }

    /// <summary>Everything that recurses, at its limit and on top of one another, on a stack smaller than a pool thread's.</summary>
    [Fact]
    public void Render_DeepestTemplate_FitsTheStack()
    {
        const int Levels = 70;
        string template = "{% macro m() %}" + Repeat("{% if 1 %}", Levels) + "{{ " + Repeat("(''~", Levels) + "m()" + Repeat(")", Levels) + " }}"
            + Repeat("{% endif %}", Levels) + "{% endmacro %}{{ m() }}";
        Exception? error = null;
        var thread = new Thread(() => error = Record.Exception(() => TemplateRunner.Render(template)), 1 << 20);
        thread.Start();
        thread.Join();
        Assert.IsType<TemplateException>(error);
    }

    private static string Repeat(string text, int count) => string.Concat(Enumerable.Repeat(text, count));
}
