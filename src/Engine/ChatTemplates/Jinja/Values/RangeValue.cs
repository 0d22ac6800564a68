namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>A Python range: its items are computed, not stored.</summary>
internal sealed class RangeValue(long start, long stop, long step, int count) : ValueObject(ValueKind.Range, "range")
{
    public long Start { get; } = start;

    public long Stop { get; } = stop;

    public long Step { get; } = step;

    public int Count { get; } = count;

    public long this[int index] => Start + (index * Step);

    public override long? Length(RenderState state) => Count;

    public override IEnumerator<Value> Iterate(RenderState state)
    {
        for (int i = 0; i < Count; i++)
        {
            yield return Value.Of(this[i]);
        }
    }

    /// <returns>Where the number is, or -1.</returns>
    public int IndexOf(long number)
    {
        Int128 offset = (Int128)number - Start; // both ends may be anywhere in 64 bits
        if (offset % Step != 0)
        {
            return -1;
        }
        Int128 index = offset / Step;
        return index >= 0 && index < Count ? (int)index : -1;
    }

    public override Value? Attribute(RenderState state, string name) => name switch
    {
        "start" => Value.Of(Start),
        "stop" => Value.Of(Stop),
        "step" => Value.Of(Step),
        _ => null,
    };

    public override void Represent(Formatting.Printer printer) =>
        printer.Append(Step == 1 ? $"range({Start}, {Stop})" : $"range({Start}, {Stop}, {Step})");
}
