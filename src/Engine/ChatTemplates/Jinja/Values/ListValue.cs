namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>A Python list. Belongs to one rendering; templates can only make it shorter (<c>pop</c>, <c>clear</c>).</summary>
internal sealed class ListValue(List<Value> items) : SequenceValue(ValueKind.List, "list")
{
    public List<Value> Items { get; } = items;

    public override int Count => Items.Count;

    public override Value this[int index] => Items[index];

    public override void Represent(Formatting.Printer printer)
    {
        printer.Append("[");
        RepresentItems(printer);
        printer.Append("]");
    }
}
