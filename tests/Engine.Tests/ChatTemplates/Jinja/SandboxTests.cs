using KServePaged.Engine.ChatTemplates.Jinja;

namespace KServePaged.Engine.Tests.ChatTemplates.Jinja;

/// <summary>What a template must not reach, change or load.</summary>
public sealed class SandboxTests
{
    [Theory]
    [InlineData("{{ ''.__class__ }}")]
    [InlineData("{{ ''['__class__'] }}")]
    [InlineData("{{ ''|attr('__class__') }}")]
    [InlineData("{{ {}.__class__ }}")]
    [InlineData("{{ [].__init__ }}")]
    [InlineData("{{ range.__globals__ }}")]
    [InlineData("{{ namespace().__class__ }}")]
    [InlineData("{{ '{0.__class__}'.format(1) }}")]
    [InlineData("{{ '{0[__class__]}'.format({}) }}")]
    [InlineData("{{ (1).__add__ }}")]
    public void Internals_ArePrintedAsNothing(string template) => Assert.Equal(string.Empty, TemplateRunner.Render(template));

    [Theory]
    [InlineData("{{ ''.__class__.__mro__ }}", "unsafe")]
    [InlineData("{{ ''.__class__() }}", "unsafe")]
    [InlineData("{{ '{0.__class__.__mro__}'.format('') }}", "unsafe")]
    [InlineData("{% macro m() %}{% endmacro %}{{ m.__globals__.os }}", "unsafe")]
    [InlineData("{{ [1].append(2) }}", "unsafe")]
    [InlineData("{{ [1].sort() }}", "unsafe")]
    [InlineData("{{ {}.update(a=1) }}", "unsafe")]
    [InlineData("{{ {}.setdefault('a', 1) }}", "unsafe")]
    [InlineData("{{ {'a': 1}.pop('a') }}", "unsafe")]
    [InlineData("{{ open('/etc/passwd') }}", "'open' is undefined")]
    [InlineData("{{ 'x'.encode() }}", "no attribute 'encode'")]
    public void Internals_WhenUsed_AreRefused(string template, string message) =>
        Assert.Contains(message, Assert.Throws<TemplateException>(() => TemplateRunner.Render(template)).Message);

    [Theory]
    [InlineData("{% include 'a' %}")]
    [InlineData("{% import 'a' as b %}")]
    [InlineData("{% from 'a' import b %}")]
    [InlineData("{% extends 'a' %}")]
    [InlineData("{% do x %}")]
    [InlineData("{{ 1|lipsum }}")]
    public void Parse_WhatLoadsOrDoesNotExist_RefusedWithLine(string template) => Assert.Contains(
        "test.jinja, line 2: ", Assert.Throws<InvalidDataException>(() => TemplateRunner.Render("\n" + template)).Message);

    [Fact]
    public void Filter_UnknownInsideIf_FailsOnlyWhenReached()
    {
        const string Template = "{% if x %}{{ 1|nope }}{% endif %}ok";
        Assert.Equal("ok", TemplateRunner.Render(Template, """{"x": false}"""));
        Assert.Throws<TemplateException>(() => TemplateRunner.Render(Template, """{"x": true}"""));
    }
}
