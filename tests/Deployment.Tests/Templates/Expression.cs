using System.Text.Json.Nodes;

namespace KServePaged.Deployment.Tests.Templates;

/// <summary>What stands in an action and has a value.</summary>
internal abstract record Expression
{
    internal sealed record Literal(JsonNode? Value) : Expression;

    /// <summary>The dot, $, $name or an expression in parentheses, then .names.</summary>
    internal sealed record Field(Expression? Of, string? Variable, List<string> Path) : Expression;

    internal sealed record Call(string Function, List<Expression> Arguments) : Expression;
}
