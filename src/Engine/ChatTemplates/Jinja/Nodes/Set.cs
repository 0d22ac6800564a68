using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary><c>{% set target = value %}</c>.</summary>
internal sealed class SetStatement(int line, Target target, Expression value) : Statement(line)
{
    public Target Target => target;

    public Expression Value => value;

    /// <summary>Names that blocks see, set at the top level of a template that has blocks.</summary>
    public NameTarget[] Exports { get; set; } = [];

    public override IEnumerable<Node> Children => [value, target];

    public override Flow Execute(Frame frame)
    {
        frame.State.At(Line);
        target.Assign(frame, value.Evaluate(frame));
        frame.State.Export(frame, Exports);
        return Flow.Next;
    }
}

/// <summary><c>{% set target %}…{% endset %}</c>, through a filter if there is one.</summary>
internal sealed class SetBlockStatement(int line, Target target, Expression? filter, Statement[] body) : Statement(line)
{
    public Target Target => target;

    public Expression? Filter => filter;

    public Statement[] Body => body;

    public Prologue Prologue { get; set; } = Prologue.Empty;

    public NameTarget[] Exports { get; set; } = [];

    public override IEnumerable<Node> Children => [target, .. filter is null ? [] : new Node[] { filter }, .. body];

    public override Flow Execute(Frame frame)
    {
        RenderState state = frame.State;
        state.At(Line);
        Prologue.Run(frame);
        Capture capture = state.BeginCapture();
        Flow flow = ExecuteAll(body, frame);
        Value text = state.EndCapture(capture);
        if (flow != Flow.Next)
        {
            return flow;
        }
        if (filter is not null)
        {
            state.Captured = text;
            text = filter.Evaluate(frame);
        }
        target.Assign(frame, text);
        state.Export(frame, Exports);
        return Flow.Next;
    }
}

/// <summary><c>{% filter f %}…{% endfilter %}</c>.</summary>
internal sealed class FilterBlockStatement(int line, Expression filter, Statement[] body) : Statement(line)
{
    public Expression Filter => filter;

    public Statement[] Body => body;

    public Prologue Prologue { get; set; } = Prologue.Empty;

    public override IEnumerable<Node> Children => [.. body, filter];

    public override Flow Execute(Frame frame)
    {
        RenderState state = frame.State;
        state.At(Line);
        Prologue.Run(frame);
        Capture capture = state.BeginCapture();
        Flow flow = ExecuteAll(body, frame);
        state.Captured = state.EndCapture(capture);
        if (flow == Flow.Next)
        {
            // Jinja prints what the filter gives without escaping it again.
            state.WriteUnescaped(filter.Evaluate(frame));
        }
        return flow;
    }
}
