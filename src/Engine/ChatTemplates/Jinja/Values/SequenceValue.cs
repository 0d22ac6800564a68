namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>list and tuple, as far as they are alike.</summary>
internal abstract class SequenceValue(ValueKind kind, string typeName) : ValueObject(kind, typeName)
{
    public abstract int Count { get; }

    public abstract Value this[int index] { get; }

    public override long? Length(RenderState state) => Count;

    public override bool Truth(RenderState state) => Count > 0;

    /// <summary>Looks at the count in every step: a list may shrink (pop) while it is iterated.</summary>
    public override IEnumerator<Value> Iterate(RenderState state)
    {
        for (int i = 0; i < Count; i++)
        {
            yield return this[i];
        }
    }

    public Value[] ToArray()
    {
        var items = new Value[Count];
        for (int i = 0; i < items.Length; i++)
        {
            items[i] = this[i];
        }
        return items;
    }

    protected void RepresentItems(Formatting.Printer printer)
    {
        for (int i = 0; i < Count; i++)
        {
            if (i > 0)
            {
                printer.Append(", ");
            }
            printer.Represent(this[i]);
        }
    }
}
