using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary><c>{% for target in iterable if test recursive %}…{% else %}…{% endfor %}</c>.</summary>
internal sealed class ForStatement(
    int line, Target target, Expression iterable, Expression? test, bool recursive, Statement[] body, Statement[] otherwise)
    : Statement(line)
{
    public Target Target => target;

    /// <summary>The target once more, for the test: it looks at items before the loop does, in variables of its own.</summary>
    public Target TestTarget { get; } = target.Clone();

    public Expression Iterable => iterable;

    public Expression? Test => test;

    public bool Recursive => recursive;

    public Statement[] Body => body;

    public Statement[] Otherwise => otherwise;

    /// <summary>Slot of <c>loop</c>, or -1 where the body does not ask for it.</summary>
    public int LoopSlot { get; set; } = -1;

    /// <summary>The function that a recursive loop is.</summary>
    public FunctionScope Scope { get; set; } = FunctionScope.None;

    public FunctionScope TestScope { get; set; } = FunctionScope.None;

    public Prologue Prologue { get; set; } = Prologue.Empty;

    public Prologue TestPrologue { get; set; } = Prologue.Empty;

    public Prologue ElsePrologue { get; set; } = Prologue.Empty;

    public override IEnumerable<Node> Children =>
        [target, iterable, .. body, .. otherwise, .. test is null ? [] : new Node[] { test }];

    public override Flow Execute(Frame frame)
    {
        RenderState state = frame.State;
        state.At(Line);
        Value items = iterable.Evaluate(frame);
        if (!recursive)
        {
            return Run(frame, frame, items, 0);
        }
        state.WriteUnescaped(Recurse(frame, items, 0));
        return Flow.Next;
    }

    /// <summary>One level of a recursive loop: its output.</summary>
    /// <param name="outer">The frame in which the loop stands.</param>
    public Value Recurse(Frame outer, Value items, int depth)
    {
        RenderState state = outer.State;
        state.Budget.Enter();
        Capture capture = state.BeginCapture();
        Run(outer, new Frame(state, outer, Scope.SlotCount), items, depth);
        Value text = state.EndCapture(capture);
        state.Budget.Leave();
        return text;
    }

    private Flow Run(Frame outer, Frame frame, Value items, int depth)
    {
        RenderState state = outer.State;
        IEnumerator<Value> source = Iteration.Of(state, items);
        if (test is not null)
        {
            source = Select(source, new Frame(state, outer, TestScope.SlotCount), test);
        }
        LoopValue? loop = LoopSlot < 0
            ? null
            : new LoopValue(source, test is null ? Operations.TryLength(state, items) : null, recursive ? this : null, outer, depth);
        bool completed = false;
        while (loop is null ? source.MoveNext() : loop.MoveNext())
        {
            state.Budget.Step();
            target.Assign(frame, loop is null ? source.Current : loop.Current);
            if (loop is not null)
            {
                frame.Slots[LoopSlot] = Value.Of(loop);
            }
            Prologue.Run(frame);
            Flow flow = ExecuteAll(body, frame);
            if (flow == Flow.Break)
            {
                break;
            }
            completed |= flow == Flow.Next; // a round that ended early does not count for else: Jinja's own behaviour
        }
        if (completed || otherwise.Length == 0)
        {
            return Flow.Next;
        }
        ElsePrologue.Run(frame);
        return ExecuteAll(otherwise, frame);
    }

    private IEnumerator<Value> Select(IEnumerator<Value> source, Frame frame, Expression condition)
    {
        TestPrologue.Run(frame);
        while (source.MoveNext())
        {
            frame.State.Budget.Step();
            TestTarget.Assign(frame, source.Current);
            if (Operations.Truth(frame.State, condition.Evaluate(frame)))
            {
                yield return source.Current;
            }
        }
    }
}
