namespace KServePaged.Engine.Tokenization.Patterns;

/// <summary>Turns a parsed pattern into steps.</summary>
internal sealed class PatternCompiler
{
    private const int MaxSteps = 8192;
    private const int MaxLookBehind = 255;

    private readonly List<Instruction> _steps = [];

    /// <exception cref="FormatException">The pattern is too large or looks behind by an unbounded length.</exception>
    public static Instruction[] Compile(PatternNode node)
    {
        var compiler = new PatternCompiler();
        compiler.Emit(node);
        compiler.Add(new Instruction(Operation.Accept));
        return [.. compiler._steps];
    }

    /// <summary>The characters that a match can begin with, or null when it can be empty.</summary>
    public static CodePointSet? FirstOf(PatternNode node)
    {
        switch (node)
        {
            case SetNode set:
                return set.Set;
            case AtomicNode atomic:
                return FirstOf(atomic.Item);
            case RepeatNode repeat:
                return repeat.Min > 0 ? FirstOf(repeat.Item) : null;
            case ChoiceNode choice:
                CodePointSet? all = CodePointSet.Empty;
                foreach (PatternNode item in choice.Items)
                {
                    all = FirstOf(item) is { } first ? all?.Union(first) : null;
                }
                return all;
            case SequenceNode sequence:
                return FirstOfSequence(sequence.Items);
            default:
                return null;
        }
    }

    private static CodePointSet? FirstOfSequence(IReadOnlyList<PatternNode> items)
    {
        CodePointSet optional = CodePointSet.Empty;
        foreach (PatternNode item in items)
        {
            if (FirstOf(item) is { } first)
            {
                return optional.Union(first);
            }
            if (item is LookNode or AnchorNode)
            {
                continue; // only narrows
            }
            if (item is not RepeatNode repeat || FirstOf(repeat.Item) is not { } some)
            {
                return null;
            }
            optional = optional.Union(some);
        }
        return null;
    }

    private void Emit(PatternNode node)
    {
        switch (node)
        {
            case SetNode set:
                Add(new Instruction(Operation.Take, set.Set));
                break;
            case SequenceNode sequence:
                foreach (PatternNode item in sequence.Items)
                {
                    Emit(item);
                }
                break;
            case ChoiceNode choice:
                EmitChoice(choice.Items);
                break;
            case RepeatNode repeat:
                EmitRepeat(repeat);
                break;
            case AtomicNode atomic:
                EmitInner(new Instruction(Operation.Atomic), atomic.Item);
                break;
            case LookNode look:
                (int min, int max) = look.Behind ? LengthOf(look.Item) : (0, 0);
                EmitInner(new Instruction(look.Behind ? Operation.LookBehind : Operation.LookAhead, Min: min, Max: max, Negated: look.Negated), look.Item);
                break;
            case AnchorNode anchor:
                Add(new Instruction(Operation.Anchor, Anchor: anchor.Kind));
                break;
            default:
                throw new InvalidOperationException($"A pattern has no node {node.GetType().Name}.");
        }
    }

    private void EmitChoice(IReadOnlyList<PatternNode> items)
    {
        var ends = new List<int>();
        for (int i = 0; i < items.Count; i++)
        {
            int fork = i + 1 < items.Count ? Add(new Instruction(Operation.PreferNext)) : -1;
            Emit(items[i]);
            if (fork >= 0)
            {
                ends.Add(Add(new Instruction(Operation.Jump)));
                PointHere(fork);
            }
        }
        ends.ForEach(PointHere);
    }

    private void EmitRepeat(RepeatNode repeat)
    {
        if (repeat is { Item: SetNode set, Greedy: true })
        {
            Add(new Instruction(Operation.TakeRun, set.Set, Min: repeat.Min, Max: repeat.Max < 0 ? int.MaxValue : repeat.Max));
            return;
        }
        if (repeat.Max < 0 && MinLengthOf(repeat.Item) == 0)
        {
            throw new FormatException("repeating without end what can be empty is not supported");
        }
        for (int i = 0; i < repeat.Min; i++)
        {
            Emit(repeat.Item);
        }
        Operation fork = repeat.Greedy ? Operation.PreferNext : Operation.PreferTarget;
        if (repeat.Max < 0)
        {
            int loop = Add(new Instruction(fork));
            Emit(repeat.Item);
            Add(new Instruction(Operation.Jump, Target: loop));
            PointHere(loop);
            return;
        }
        var forks = new List<int>();
        for (int i = repeat.Min; i < repeat.Max; i++)
        {
            forks.Add(Add(new Instruction(fork)));
            Emit(repeat.Item);
        }
        forks.ForEach(PointHere);
    }

    private void EmitInner(Instruction head, PatternNode item)
    {
        int at = Add(head);
        Emit(item);
        if (head.Operation == Operation.LookBehind)
        {
            Add(new Instruction(Operation.Anchor, Anchor: Anchor.TextEnd)); // the text is cut off where it looks from
        }
        Add(new Instruction(Operation.Accept));
        PointHere(at);
    }

    private static int MinLengthOf(PatternNode node) => node switch
    {
        SetNode => 1,
        AtomicNode atomic => MinLengthOf(atomic.Item),
        RepeatNode repeat => Math.Min(1, repeat.Min) * MinLengthOf(repeat.Item),
        SequenceNode sequence => sequence.Items.Select(MinLengthOf).DefaultIfEmpty(0).Max(),
        ChoiceNode choice => choice.Items.Min(MinLengthOf),
        _ => 0,
    };

    private static (int Min, int Max) LengthOf(PatternNode node)
    {
        (int min, long max) = node switch
        {
            SetNode => (1, 1),
            AtomicNode atomic => LengthOf(atomic.Item),
            RepeatNode { Max: >= 0 } repeat => (repeat.Min * LengthOf(repeat.Item).Min, (long)repeat.Max * LengthOf(repeat.Item).Max),
            RepeatNode => (0, long.MaxValue),
            SequenceNode sequence => (sequence.Items.Sum(item => LengthOf(item).Min), sequence.Items.Sum(item => (long)LengthOf(item).Max)),
            ChoiceNode choice => (choice.Items.Min(item => LengthOf(item).Min), choice.Items.Max(item => LengthOf(item).Max)),
            _ => (0, 0L),
        };
        return max <= MaxLookBehind ? (min, (int)max) : throw new FormatException($"looking behind by more than {MaxLookBehind} characters is not supported");
    }

    private int Add(Instruction step)
    {
        if (_steps.Count == MaxSteps)
        {
            throw new FormatException($"the pattern needs more than {MaxSteps} steps");
        }
        _steps.Add(step);
        return _steps.Count - 1;
    }

    private void PointHere(int at) => _steps[at] = _steps[at] with { Target = _steps.Count };
}
