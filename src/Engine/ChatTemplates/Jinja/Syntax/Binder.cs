using KServePaged.Engine.ChatTemplates.Jinja.Library;
using KServePaged.Engine.ChatTemplates.Jinja.Nodes;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Syntax;

/// <summary>Gives every name its slot and every filter and test its function, scope by scope, as Jinja's compiler does.</summary>
internal sealed class Binder(string fileName)
{
    private readonly Dictionary<string, BlockStatement> _blocks = [];

    /// <summary>The blocks of the template by name.</summary>
    public IReadOnlyDictionary<string, BlockStatement> Blocks => _blocks;

    /// <param name="IsSoft">Inside an if, where an unknown filter fails only when it is reached.</param>
    /// <param name="IsTop">At the top level of the template.</param>
    /// <param name="InLoop">Where break and continue may stand.</param>
    private readonly record struct Scope(Symbols Symbols, FunctionScope Function, bool IsSoft, bool IsTop, bool InLoop)
    {
        /// <summary>A scope inside this one, in the same function.</summary>
        public Scope Inner() => new(new Symbols(Symbols, Function), Function, false, false, InLoop);

        /// <summary>A scope inside this one that is a function of its own.</summary>
        public Scope InnerFunction()
        {
            var function = new FunctionScope(Function);
            return new(new Symbols(Symbols, function), function, false, false, false);
        }
    }

    /// <exception cref="InvalidDataException">The template is broken.</exception>
    public (FunctionScope Scope, Prologue Prologue) Bind(Statement[] body)
    {
        foreach (BlockStatement block in Descendants(body).OfType<BlockStatement>())
        {
            if (!_blocks.TryAdd(block.Name, block))
            {
                throw SourceError.At(fileName, block.Line, $"block '{block.Name}' defined twice");
            }
        }
        var function = new FunctionScope(null);
        var scope = new Scope(new Symbols(null, function), function, false, true, false);
        return (function, BindBody(body, scope));
    }

    private static IEnumerable<Node> Descendants(IEnumerable<Node> nodes) =>
        nodes.SelectMany(node => Descendants(node.Children).Prepend(node));

    /// <summary>Whether a name is read in the nodes before they assign it.</summary>
    private static bool Reads(IEnumerable<Node> nodes, string name)
    {
        Node? first = Descendants(nodes).FirstOrDefault(node =>
            (node is NameExpression read && read.Name == name) || (node is NameTarget set && set.Name == name));
        return first is NameExpression;
    }

    /// <summary>Collects what a scope does with names, binds what is in it, and tells how to enter it.</summary>
    private Prologue BindBody(Statement[] body, Scope scope, params IEnumerable<Node> more)
    {
        SymbolCollector.Collect(scope.Symbols, [.. more, .. body]);
        BindAll(body, scope);
        return scope.Symbols.ToPrologue();
    }

    private void BindAll(Statement[] body, Scope scope)
    {
        foreach (Statement statement in body)
        {
            BindStatement(statement, scope);
        }
    }

    private void BindStatement(Statement statement, Scope scope)
    {
        switch (statement)
        {
            case IfStatement branch:
                BindIf(branch, scope with { IsSoft = true });
                break;
            case ForStatement loop:
                BindFor(loop, scope);
                break;
            case SetStatement set:
                BindExpressions([set.Value], scope);
                BindTarget(set.Target, scope);
                set.Exports = ExportsOf(set.Target, scope);
                break;
            case MacroStatement macro:
                BindMacro(macro.Definition, scope, macro.Line);
                BindTarget(macro.Target, scope);
                macro.Exports = ExportsOf(macro.Target, scope);
                break;
            case CallBlockStatement call:
                BindMacro(call.Definition, scope, call.Line);
                BindExpressions([call.Call], scope);
                break;
            case GenerationStatement generation:
                BindMacro(generation.Definition, scope, generation.Line);
                break;
            default:
                BindScope(statement, scope);
                break;
        }
    }

    private void BindScope(Statement statement, Scope scope)
    {
        switch (statement)
        {
            case SetBlockStatement set:
                Expression[] filters = set.Filter is null ? [] : [set.Filter];
                Scope captured = scope.Inner();
                set.Prologue = BindBody(set.Body, captured, filters);
                BindExpressions(filters, captured);
                BindTarget(set.Target, scope);
                set.Exports = ExportsOf(set.Target, scope);
                break;
            case FilterBlockStatement filter:
                Scope filtered = scope.Inner();
                filter.Prologue = BindBody(filter.Body, filtered, filter.Filter);
                BindExpressions([filter.Filter], filtered);
                break;
            case WithStatement with:
                BindWith(with, scope);
                break;
            case AutoEscapeStatement escape:
                Scope escaped = scope.Inner();
                escape.Prologue = BindBody(escape.Body, escaped, escape.Flag);
                BindExpressions([escape.Flag], escaped);
                break;
            case BlockStatement block:
                block.Scope = new FunctionScope(null);
                block.Prologue = BindBody(block.Body, new Scope(new Symbols(null, block.Scope), block.Scope, false, false, false));
                break;
            case JumpStatement when !scope.InLoop:
                throw SourceError.At(fileName, statement.Line, "break and continue must stand in a loop");
            default:
                BindExpressions(statement.Children.OfType<Expression>(), scope);
                break;
        }
    }

    private void BindWith(WithStatement with, Scope scope)
    {
        Scope inner = scope.Inner();
        foreach (Target target in with.Targets)
        {
            SymbolCollector.Declare(inner.Symbols, target);
        }
        BindExpressions(with.Values, scope);
        with.Prologue = BindBody(with.Body, inner);
        BindTargets(with.Targets, inner);
    }

    private void BindIf(IfStatement branch, Scope scope)
    {
        BindExpressions([branch.Test], scope);
        BindAll(branch.Body, scope);
        foreach (IfStatement elseIf in branch.ElseIfs)
        {
            BindIf(elseIf, scope);
        }
        BindAll(branch.Otherwise, scope);
    }

    private void BindFor(ForStatement loop, Scope scope)
    {
        if (Descendants([loop]).OfType<NameTarget>().FirstOrDefault(target => target.Name == "loop") is NameTarget wrong)
        {
            throw SourceError.At(fileName, wrong.Line, "can't assign to the special variable 'loop' in a for loop");
        }
        BindExpressions([loop.Iterable], scope);
        Scope body = (loop.Recursive ? scope.InnerFunction() : scope.Inner()) with { InLoop = true };
        loop.Scope = body.Function;
        if (loop.Recursive || Reads(loop.Body, "loop"))
        {
            loop.LoopSlot = body.Symbols.DeclareParameter("loop");
        }
        SymbolCollector.Declare(body.Symbols, loop.Target);
        loop.Prologue = BindBody(loop.Body, body);
        BindTarget(loop.Target, body);

        // The else branch runs where the body does, but break and continue in it belong to the loop around.
        var otherwise = new Scope(new Symbols(scope.Symbols, body.Function), body.Function, false, false, !loop.Recursive && scope.InLoop);
        loop.ElsePrologue = BindBody(loop.Otherwise, otherwise);
        if (loop.Test is not null)
        {
            Scope test = scope.InnerFunction();
            loop.TestScope = test.Function;
            SymbolCollector.Declare(test.Symbols, loop.TestTarget);
            SymbolCollector.Collect(test.Symbols, loop.Test);
            BindExpressions([loop.Test], test);
            BindTarget(loop.TestTarget, test);
            loop.TestPrologue = test.Symbols.ToPrologue();
        }
    }

    private void BindMacro(MacroDefinition macro, Scope scope, int line)
    {
        Scope inner = scope.InnerFunction();
        macro.Scope = inner.Function;
        foreach (NameTarget parameter in macro.Parameters)
        {
            inner.Symbols.DeclareParameter(parameter.Name);
        }
        int explicitCaller = Array.FindIndex(macro.Parameters, parameter => parameter.Name == "caller");
        if (Reads(macro.Body, "caller"))
        {
            if (explicitCaller >= 0 && macro.DefaultOf(explicitCaller) is null)
            {
                throw SourceError.At(fileName, line, "the special parameter 'caller' must be omitted or have a default");
            }
            macro.CallerSlot = inner.Symbols.DeclareParameter("caller");
        }
        macro.NamedSlot = DeclareSpecial(macro, inner.Symbols, "kwargs");
        macro.PositionalSlot = DeclareSpecial(macro, inner.Symbols, "varargs");
        macro.Prologue = BindBody(macro.Body, inner, macro.Defaults);
        BindTargets(macro.Parameters, inner);
        BindExpressions(macro.Defaults, inner);
    }

    private static int DeclareSpecial(MacroDefinition macro, Symbols symbols, string name) =>
        Reads(macro.Body, name) && macro.Parameters.All(parameter => parameter.Name != name) ? symbols.DeclareParameter(name) : -1;

    private void BindTargets(IEnumerable<Target> targets, Scope scope)
    {
        foreach (Target target in targets)
        {
            BindTarget(target, scope);
        }
    }

    private void BindTarget(Target target, Scope scope)
    {
        switch (target)
        {
            case NameTarget name:
                name.Bind(scope.Symbols.Find(name.Name)!.Value.Slot); // collected before
                break;
            case NamespaceTarget attribute:
                BindExpressions([attribute.Owner], scope);
                break;
            case TupleTarget tuple:
                BindTargets(tuple.Items, scope);
                break;
        }
    }

    private NameTarget[] ExportsOf(Target target, Scope scope) => _blocks.Count > 0 && scope.IsTop ? [.. target.Names] : [];

    private void BindExpressions(IEnumerable<Expression> expressions, Scope scope)
    {
        foreach (Expression expression in expressions)
        {
            BindExpression(expression, scope);
        }
    }

    private void BindExpression(Expression expression, Scope scope)
    {
        if (expression is NameExpression name)
        {
            Symbols.Variable variable = scope.Symbols.Find(name.Name)!.Value; // collected before
            name.Bind(scope.Function.HopsTo(variable.Function), variable.Slot);
            return;
        }
        if (expression is FilterExpression filter)
        {
            filter.Bind(Find(filter, scope));
        }
        bool isSoft = scope.IsSoft || expression is ConditionalExpression;
        BindExpressions(expression.Children.OfType<Expression>(), scope with { IsSoft = isSoft });
    }

    private Operation Find(FilterExpression filter, Scope scope)
    {
        if ((filter.IsTest ? Tests.Table : Filters.Table).TryGetValue(filter.Name, out Operation? operation))
        {
            return operation;
        }
        string message = $"No {(filter.IsTest ? "test" : "filter")} named '{filter.Name}'.";
        return scope.IsSoft
            ? (_, _, _) => throw new TemplateException(message)
            : throw SourceError.At(fileName, filter.Line, message);
    }
}
