using KServePaged.Engine.ChatTemplates.Jinja.Nodes;

namespace KServePaged.Engine.ChatTemplates.Jinja.Syntax;

/// <summary>Tells <see cref="Symbols"/> in order what a scope reads and assigns; it does not look into the scopes inside.</summary>
internal sealed class SymbolCollector(Symbols symbols)
{
    private Symbols _symbols = symbols;

    public static Symbols Collect(Symbols symbols, params IEnumerable<Node> nodes)
    {
        var collector = new SymbolCollector(symbols);
        collector.VisitAll(nodes);
        return symbols;
    }

    /// <summary>Declares the variables of a target as parameters.</summary>
    public static void Declare(Symbols symbols, Target target)
    {
        foreach (NameTarget name in target.Names)
        {
            symbols.DeclareParameter(name.Name);
        }
    }

    private void VisitAll(IEnumerable<Node> nodes)
    {
        foreach (Node node in nodes)
        {
            Visit(node);
        }
    }

    private void Visit(Node node)
    {
        switch (node)
        {
            case NameExpression name:
                _symbols.Load(name.Name);
                break;
            case NameTarget name:
                _symbols.Store(name.Name);
                break;
            case IfStatement branch:
                VisitIf(branch);
                break;
            case MacroStatement macro:
                _symbols.Store(macro.Target.Name);
                break;
            case SetBlockStatement set:
                Visit(set.Target);
                break;
            case ForStatement loop:
                Visit(loop.Iterable);
                break;
            case CallBlockStatement call:
                Visit(call.Call);
                break;
            case FilterBlockStatement filter:
                Visit(filter.Filter);
                break;
            case WithStatement with:
                VisitAll(with.Values);
                break;
            case AutoEscapeStatement or BlockStatement or GenerationStatement:
                break;
            default:
                VisitAll(node.Children);
                break;
        }
    }

    private void VisitIf(IfStatement branch)
    {
        Visit(branch.Test);
        Symbols before = _symbols;
        Symbols[] branches = [VisitBranch(branch.Body), VisitBranch(branch.ElseIfs), VisitBranch(branch.Otherwise)];
        before.Merge(branches);

        Symbols VisitBranch(IEnumerable<Node> nodes)
        {
            Symbols copy = _symbols = before.Branch();
            VisitAll(nodes);
            _symbols = before;
            return copy;
        }
    }
}
