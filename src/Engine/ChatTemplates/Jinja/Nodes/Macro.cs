using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary>Parameters and body of a macro, or of the body that a call block passes on.</summary>
internal sealed class MacroDefinition(string? name, NameTarget[] parameters, Expression[] defaults, Statement[] body)
{
    public string? Name => name;

    public NameTarget[] Parameters => parameters;

    /// <summary>Defaults of the last parameters.</summary>
    public Expression[] Defaults => defaults;

    public Statement[] Body => body;

    public FunctionScope Scope { get; set; } = FunctionScope.None;

    public Prologue Prologue { get; set; } = Prologue.Empty;

    /// <summary>Slots of <c>caller</c>, <c>kwargs</c> and <c>varargs</c>; -1 where the body does not ask for them.</summary>
    public int CallerSlot { get; set; } = -1;

    public int NamedSlot { get; set; } = -1;

    public int PositionalSlot { get; set; } = -1;

    public IEnumerable<Node> Children => [.. parameters, .. defaults, .. body];

    /// <returns>The default of a parameter, or null where it has none.</returns>
    public Expression? DefaultOf(int parameter)
    {
        int index = parameter - (parameters.Length - defaults.Length);
        return index < 0 ? null : defaults[index];
    }
}

/// <summary><c>{% macro name(…) %}…{% endmacro %}</c>.</summary>
internal sealed class MacroStatement(int line, NameTarget target, MacroDefinition definition) : Statement(line)
{
    public NameTarget Target => target;

    public MacroDefinition Definition => definition;

    public NameTarget[] Exports { get; set; } = [];

    public override IEnumerable<Node> Children => definition.Children;

    public override Flow Execute(Frame frame)
    {
        target.Assign(frame, Value.Of(new MacroValue(definition, frame)));
        frame.State.Export(frame, Exports);
        return Flow.Next;
    }
}

/// <summary><c>{% call(…) macro(…) %}…{% endcall %}</c>.</summary>
internal sealed class CallBlockStatement(int line, CallExpression call, MacroDefinition definition) : Statement(line)
{
    public CallExpression Call => call;

    public MacroDefinition Definition => definition;

    public override IEnumerable<Node> Children => [call, .. definition.Children];

    public override Flow Execute(Frame frame)
    {
        frame.State.At(Line);
        frame.State.WriteUnescaped(call.Evaluate(frame, Value.Of(new MacroValue(definition, frame))));
        return Flow.Next;
    }
}

/// <summary>
/// <c>{% generation %}…{% endgeneration %}</c>: marks what the assistant wrote, for training. Here it only prints, in a scope of its own.
/// </summary>
internal sealed class GenerationStatement(int line, MacroDefinition definition) : Statement(line)
{
    public MacroDefinition Definition => definition;

    public override IEnumerable<Node> Children => definition.Children;

    public override Flow Execute(Frame frame)
    {
        frame.State.WriteUnescaped(new MacroValue(definition, frame).Call(frame.State, Arguments.None));
        return Flow.Next;
    }
}
