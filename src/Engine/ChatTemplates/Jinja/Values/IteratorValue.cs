namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>A Python iterator or generator: gives its items once, when asked, and is always true.</summary>
internal sealed class IteratorValue(string typeName, IEnumerator<Value> items) : ValueObject(ValueKind.Iterator, typeName)
{
    public IEnumerator<Value> Items { get; } = items;

    public static Value Generator(IEnumerator<Value> items) => Value.Of(new IteratorValue("generator", items));

    public override bool Truth(RenderState state) => true;

    public override IEnumerator<Value> Iterate(RenderState state) => Items;
}
