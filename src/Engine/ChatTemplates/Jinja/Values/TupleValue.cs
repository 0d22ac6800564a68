namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>A Python tuple, or the named pair that <c>groupby</c> yields.</summary>
internal sealed class TupleValue(Value[] items, string[]? fields = null) : SequenceValue(ValueKind.Tuple, "tuple")
{
    public static readonly TupleValue Empty = new([]);

    public Value[] Items { get; } = items;

    public override int Count => Items.Length;

    public override Value this[int index] => Items[index];

    public static Value Pair(Value first, Value second) => Value.Of(new TupleValue([first, second]));

    public override Value? Attribute(RenderState state, string name)
    {
        int index = fields is null ? -1 : Array.IndexOf(fields, name);
        return index < 0 ? null : Items[index];
    }

    public override void Represent(Formatting.Printer printer)
    {
        printer.Append("(");
        RepresentItems(printer);
        printer.Append(Count == 1 ? ",)" : ")");
    }
}
