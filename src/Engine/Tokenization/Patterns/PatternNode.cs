namespace KServePaged.Engine.Tokenization.Patterns;

/// <summary>A parsed pattern.</summary>
internal abstract record PatternNode
{
    public static PatternNode Empty { get; } = new SequenceNode([]);
}

/// <summary>One character of a set.</summary>
internal sealed record SetNode(CodePointSet Set) : PatternNode;

/// <summary>One after the other.</summary>
internal sealed record SequenceNode(IReadOnlyList<PatternNode> Items) : PatternNode;

/// <summary>The first that leads to a match.</summary>
internal sealed record ChoiceNode(IReadOnlyList<PatternNode> Items) : PatternNode;

/// <summary>Several times.</summary>
/// <param name="Item">What is repeated.</param>
/// <param name="Min">At least.</param>
/// <param name="Max">At most; -1: without end.</param>
/// <param name="Greedy">As often as possible first.</param>
internal sealed record RepeatNode(PatternNode Item, int Min, int Max, bool Greedy) : PatternNode;

/// <summary>Once matched it is not tried another way.</summary>
internal sealed record AtomicNode(PatternNode Item) : PatternNode;

/// <summary>Looks without taking.</summary>
internal sealed record LookNode(PatternNode Item, bool Behind, bool Negated) : PatternNode;

/// <summary>A place in the text.</summary>
internal sealed record AnchorNode(Anchor Kind) : PatternNode;
