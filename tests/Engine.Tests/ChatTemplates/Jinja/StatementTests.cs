namespace KServePaged.Engine.Tests.ChatTemplates.Jinja;

/// <summary>Tags, scopes and whitespace control; what stands on the right is what Python's Jinja2 3.1 prints.</summary>
public sealed class StatementTests
{
    private const string Context = """
        {
          "x": "X", "l": [1, 2, 3], "p": [[1, 2], [3, 4]], "d": {"a": 1, "b": 2},
          "tree": [{"n": 1, "c": [{"n": 2, "c": []}, {"n": 3, "c": [{"n": 4, "c": []}]}]}]
        }
        """;

    [Theory]
    [InlineData("  {% if true %}\n  a\n  {% endif %}\nb", "  a\nb")]
    [InlineData("a\n  {%- if true -%}\n  b\n  {%- endif -%}\n  c", "abc")]
    [InlineData("a {%+ if true +%}\nb{% endif %}", "a \nb")]
    [InlineData("{{ 'a' -}}  \n  {{- 'b' }}\n\n", "ab\n")]
    [InlineData("x\n", "x")]
    [InlineData("x\n\n", "x\n")]
    [InlineData("  {# c #}\nx", "x")]
    [InlineData("  {#- c -#}\nx", "x")]
    [InlineData(" {% raw %} {{ x }} {% endraw %}\ny", " {{ x }} y")]
    [InlineData("{% raw -%}  {{ x }}  {%- endraw %}", "{{ x }}")]
    [InlineData("a\r\nb{% if true %}\r\nc{% endif %}", "a\nbc")]
    [InlineData("{{ '{%' }}{{ '}}' }}", "{%}}")]
    [InlineData("{{+ 1 }}{{- 2 }}", "12")]
    [InlineData("{% if true -%}\n\n  a{%- endif %}", "a")]
    [InlineData("\t{% set q = 1 %}\n\t{{ q }}", "\t1")]
    [InlineData("a  {% set q = 1 %}  b", "a    b")]
    public void Whitespace_AsInPython(string template, string expected) =>
        Assert.Equal(expected, TemplateRunner.Render(template, Context));

    [Theory]
    [InlineData("{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}|{% endfor %}", "1032TrueFalse3|2121FalseFalse3|3210FalseTrue3|")]
    [InlineData("{% for i in l %}{{ loop.previtem }}<{{ loop.nextitem }} {% endfor %}", "<2 1<3 2< ")]
    [InlineData("{% for i in l %}{{ loop.cycle('a', 'b') }}{{ loop.changed(i // 2) }}{% endfor %}", "aTruebTrueaFalse")]
    [InlineData("{% for i in [] %}{% else %}none{% endfor %}", "none")]
    [InlineData("{% for i in l if i != 2 %}{{ loop.index }}:{{ i }}/{{ loop.length }} {% endfor %}", "1:1/2 2:3/2 ")]
    [InlineData("{% for a, b in p %}{{ a }}{{ b }}{% endfor %}", "1234")]
    [InlineData("{% for k, v in d.items() %}{{ k }}{{ v }}{% endfor %}", "a1b2")]
    [InlineData("{% for k in d %}{{ k }}{% endfor %}", "ab")]
    [InlineData("{% for c in 'a😀b' %}[{{ c }}]{% endfor %}", "[a][😀][b]")]
    [InlineData("{% for i in l %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}", "13")]
    [InlineData("{% for i in l %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% else %}e{% endfor %}", "1")]
    [InlineData("{% for i in [1] %}{% break %}{% else %}e{% endfor %}", "e")]
    [InlineData("{% for i in l %}{% for j in l %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}", "1231 1232 1233 ")]
    [InlineData("{% for n in tree recursive %}{{ n.n }}({{ loop.depth }}{{ loop(n.c) }}){% endfor %}", "1(12(2)3(24(3)))")]
    [InlineData("{% for i in undef %}x{% else %}e{% endfor %}", "e")]
    [InlineData("{% for i in l|map('string') %}{{ i }}{{ loop.last }}{% endfor %}", "1False2False3True")]
    [InlineData("{% for i in range(2) %}{{ i }}{% endfor %}", "01")]
    [InlineData("{% for i in l|select('odd') %}{{ loop.length }}{{ loop.revindex }} {% endfor %}", "22 21 ")]
    public void For_AsInPython(string template, string expected) =>
        Assert.Equal(expected, TemplateRunner.Render(template, Context));

    [Theory]
    [InlineData("{% set y = 1 %}{% for i in l %}{% set y = i %}{{ y }}{% endfor %}{{ y }}", "1231")]
    [InlineData("{% for i in l %}{{ x }}{% set x = i %}{% endfor %}", "XXX")]
    [InlineData("{% for i in [1] %}{{ x }}{% endfor %}{% set x = 1 %}", "")]
    [InlineData("{% if false %}{% set x = 1 %}{% endif %}{{ x }}", "X")]
    [InlineData("{% set ns = namespace(n=0) %}{% for i in l %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}", "6")]
    [InlineData("{% macro m() %}{{ y }}{% endmacro %}{% set y = 5 %}{{ m() }}", "5")]
    [InlineData("{% with x = 1, y = x %}{{ x }}{{ y }}{% endwith %}{{ x }}", "1XX")]
    [InlineData("{% set a, b = 1, 2 %}{{ a }}{{ b }}", "12")]
    [InlineData("{% set (a, b), c = p[0], 3 %}{{ a }}{{ b }}{{ c }}", "123")]
    [InlineData("{% set t %}a{{ x }}b{% endset %}{{ t|upper }}", "AXB")]
    [InlineData("{% set t | upper | replace('A', '-') %}a{{ x }}b{% endset %}{{ t }}", "-XB")]
    [InlineData("{% filter upper %}a{{ x|lower }}{% set z = 1 %}{% endfilter %}{{ z is defined }}", "AXFalse")]
    [InlineData("{% set if = 1 %}{{ if }}{% if if %}y{% endif %}", "1y")]
    [InlineData("{% for i in l %}{% if i == 1 %}{% set z = 'one' %}{% endif %}{{ z is defined }}{% endfor %}", "TrueFalseFalse")]
    [InlineData("{% generation %}{% set z = 1 %}a{{ z }}{% endgeneration %}{{ z is defined }}", "a1False")]
    [InlineData("{% block b %}{{ x }}{% set x = 2 %}{% endblock %}{{ x }}{{ self.b() }}", "XXX")]
    [InlineData("{% set x = 9 %}{% block b %}{{ x }}{% endblock %}", "9")]
    [InlineData("{% print 1, x %}", "1X")]
    public void Scope_AsInPython(string template, string expected) =>
        Assert.Equal(expected, TemplateRunner.Render(template, Context));

    [Theory]
    [InlineData("{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}|{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=5, a=4) }}{{ m(*[7, 8, 9]) }}{{ m(**{'a': 1}) }}", "121|131|454|789|121|")]
    [InlineData("{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m() }}", "[]")]
    [InlineData("{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}", "(1, 2){'k': 3}")]
    [InlineData("{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}", "3210")]
    [InlineData("{% macro m(t) %}<{{ t }}>{{ caller() }}</{{ t }}>{% endmacro %}{% call m('b') %}x{{ x }}{% endcall %}", "<b>xX</b>")]
    [InlineData("{% macro each(l) %}{% for i in l %}{{ caller(i, i * 2) }}{% endfor %}{% endmacro %}{% call(a, b=0) each(l) %}{{ a }}-{{ b }} {% endcall %}", "1-2 2-4 3-6 ")]
    [InlineData("{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}", "False")]
    [InlineData("{% macro m(a, b=1) %}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m }}", "m('a', 'b')False<Macro 'm'>")]
    [InlineData("{% macro m() %}<b>{% endmacro %}{{ m()|e }}{{ m() ~ '<' }}", "&lt;b&gt;<b><")]
    [InlineData("{% macro m(x) %}{{ x }}{% set x = x ~ 1 %}{{ x }}{% endmacro %}{{ m('a') }}{{ x }}", "aa1X")]
    public void Macro_AsInPython(string template, string expected) =>
        Assert.Equal(expected, TemplateRunner.Render(template, Context));

    [Theory]
    [InlineData("{% autoescape true %}{{ '<' }}{{ '<'|safe }}{{ x ~ '<' }}{{ ['<']|join }}{% endautoescape %}{{ '<' }}", "&lt;<X&lt;&lt;<")]
    [InlineData("{% set s = '<b>'|safe %}{{ s + '<i>' }}{{ s ~ '<i>' }}{{ s|upper }}{{ s.replace('b', '<') }}{{ s * 2 }}{{ [s] }}{{ s[1:] }}", "<b>&lt;i&gt;<b><i><B><&lt;><b><b>[Markup('<b>')]b>")]
    [InlineData("{{ ('<%s>'|safe) % '<' }}{{ ('{}'|safe).format('<') }}{{ ('<'|safe).join(['>', '<'|safe]) }}", "<&lt;>&lt;&gt;<<")]
    [InlineData("{{ ('a<'|safe).split('<') }}{{ '<'|e|e }}{{ '<'|forceescape|forceescape }}", "[Markup('a'), Markup('')]&lt;&amp;lt;")]
    public void Markup_AsInPython(string template, string expected) =>
        Assert.Equal(expected, TemplateRunner.Render(template, Context));

    [Theory]
    [InlineData("{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.reset() }}{{ c.next() }}", "abaaNonea")]
    [InlineData("{% set j = joiner('|') %}{% for i in l %}{{ j() }}{{ i }}{% endfor %}", "1|2|3")]
    [InlineData("{{ dict([('a', 1)], b=2) }}{{ dict() }}{{ dict({'a': 1}) }}", "{'a': 1, 'b': 2}{}{'a': 1}")]
    [InlineData("{% set g = l|map('string') %}{{ g|list }}{{ g|list }}", "['1', '2', '3'][]")]
    [InlineData("{% set q = [1, 2, 3] %}{{ q.pop() }}{{ q.pop(0) }}{{ q }}", "31[2]")]
    [InlineData("{{ d.keys()|list }}{{ d.values()|list }}{{ ('a', 1) in d.items() }}", "['a', 'b'][1, 2]True")]
    public void Objects_AsInPython(string template, string expected) =>
        Assert.Equal(expected, TemplateRunner.Render(template, Context));
}
