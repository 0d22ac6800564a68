using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary><c>{% with a = 1 %}…{% endwith %}</c>.</summary>
internal sealed class WithStatement(int line, Target[] targets, Expression[] values, Statement[] body) : Statement(line)
{
    public Target[] Targets => targets;

    public Expression[] Values => values;

    public Statement[] Body => body;

    public Prologue Prologue { get; set; } = Prologue.Empty;

    public override IEnumerable<Node> Children => [.. targets, .. values, .. body];

    public override Flow Execute(Frame frame)
    {
        frame.State.At(Line);
        Prologue.Run(frame);
        for (int i = 0; i < targets.Length; i++)
        {
            targets[i].Assign(frame, values[i].Evaluate(frame));
        }
        return ExecuteAll(body, frame);
    }
}

/// <summary><c>{% autoescape flag %}…{% endautoescape %}</c>.</summary>
internal sealed class AutoEscapeStatement(int line, Expression flag, Statement[] body) : Statement(line)
{
    public Expression Flag => flag;

    public Statement[] Body => body;

    public Prologue Prologue { get; set; } = Prologue.Empty;

    public override IEnumerable<Node> Children => [flag, .. body];

    public override Flow Execute(Frame frame)
    {
        RenderState state = frame.State;
        state.At(Line);
        Prologue.Run(frame);
        bool before = state.AutoEscape;
        state.AutoEscape = Operations.Truth(state, flag.Evaluate(frame));
        Flow flow = ExecuteAll(body, frame);
        state.AutoEscape = before;
        return flow;
    }
}

/// <summary><c>{% block name %}</c>: without inheritance, a function without arguments that is called where it stands.</summary>
internal sealed class BlockStatement(int line, string name, Statement[] body) : Statement(line)
{
    public string Name => name;

    public Statement[] Body => body;

    public FunctionScope Scope { get; set; } = FunctionScope.None;

    public Prologue Prologue { get; set; } = Prologue.Empty;

    public override IEnumerable<Node> Children => body;

    public override Flow Execute(Frame frame)
    {
        frame.State.At(Line);
        Run(frame.State);
        return Flow.Next;
    }

    /// <summary>What the block prints.</summary>
    public Value Print(RenderState state)
    {
        Capture capture = state.BeginCapture();
        Run(state);
        return state.EndCapture(capture);
    }

    private void Run(RenderState state)
    {
        state.Budget.Enter();
        var inner = new Frame(state, null, Scope.SlotCount);
        Prologue.Run(inner);
        ExecuteAll(body, inner);
        state.Budget.Leave();
    }
}
