using KServePaged.Engine.ChatTemplates.Jinja.Nodes;

namespace KServePaged.Engine.ChatTemplates.Jinja.Syntax;

/// <summary>What stands on the left of an assignment.</summary>
internal sealed class TargetParser(TokenStream tokens)
{
    private static readonly string[] Reserved = ["true", "false", "none", "True", "False", "None"];

    /// <summary>What a value is assigned to: a name, names with commas, or (where allowed) an attribute of a namespace.</summary>
    public Target Parse(string? endName = null, bool withNamespace = false)
    {
        int line = tokens.Current.Line;
        List<Target> items = [];
        bool isTuple = false;
        while (!EndsTuple(endName))
        {
            items.Add(ParseSingle(withNamespace));
            if (!tokens.SkipOperator(","))
            {
                break;
            }
            isTuple = true;
        }
        return isTuple ? new TupleTarget(line, [.. items]) : items.Count == 1 ? items[0] : throw tokens.Error("expected a name to assign to");
    }

    public NameTarget ParseName()
    {
        Token token = tokens.Expect(TokenKind.Name, "name");
        return Reserved.Contains(token.Text)
            ? throw tokens.Error($"can't assign to '{token.Text}'", token.Line)
            : new NameTarget(token.Line, token.Text);
    }

    private Target ParseSingle(bool withNamespace)
    {
        if (tokens.SkipOperator("("))
        {
            tokens.Enter();
            Target inner = Parse(withNamespace: withNamespace);
            tokens.ExpectOperator(")");
            tokens.Leave();
            return inner;
        }
        if (withNamespace && tokens.Current.Kind == TokenKind.Name && tokens.Following.IsOperator("."))
        {
            Token owner = tokens.Next();
            tokens.Next();
            return new NamespaceTarget(owner.Line, owner.Text, tokens.ExpectName());
        }
        return ParseName();
    }

    private bool EndsTuple(string? endName) =>
        tokens.Current.IsOperator(")") || tokens.Current.IsOperator("=") || tokens.Current.Kind == TokenKind.BlockEnd
        || (endName is not null && tokens.Current.IsName(endName));
}
