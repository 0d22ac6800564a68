using KServePaged.Engine.ChatTemplates.Jinja.Formatting;

namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>Python's <c>iter</c> over any value.</summary>
internal static class Iteration
{
    /// <returns>An iterator, or null where the value cannot be iterated.</returns>
    public static IEnumerator<Value>? TryOf(RenderState state, Value value) => value.Kind switch
    {
        ValueKind.String => CodePoints.Enumerate(value.AsString),
        ValueKind.None or ValueKind.Boolean or ValueKind.Integer or ValueKind.Float => null,
        _ => value.AsObject.Iterate(state),
    };

    public static IEnumerator<Value> Of(RenderState state, Value value) => TryOf(state, value)
        ?? throw new TemplateException($"'{Operations.TypeName(value)}' object is not iterable");

    /// <summary>All items, in a list of their own.</summary>
    public static List<Value> ToList(RenderState state, Value value)
    {
        if (value.Kind is ValueKind.List or ValueKind.Tuple)
        {
            var sequence = (SequenceValue)value.AsObject;
            state.Budget.AllocateItems(sequence.Count);
            return [.. sequence.ToArray()];
        }
        var items = new List<Value>();
        IEnumerator<Value> source = Of(state, value);
        while (source.MoveNext())
        {
            Add(state, items, source.Current);
        }
        return items;
    }

    /// <summary>Adds to a list that grows item by item, paying for it.</summary>
    public static void Add(RenderState state, List<Value> items, Value item)
    {
        state.Budget.AllocateItems(1);
        items.Add(item);
    }

    /// <summary>Exactly <paramref name="count"/> items, as unpacking wants them.</summary>
    public static Value[] Unpack(RenderState state, Value value, int count)
    {
        if (value.Kind == ValueKind.Tuple && value.AsTuple.Count == count)
        {
            return value.AsTuple.Items;
        }
        IEnumerator<Value> source = TryOf(state, value)
            ?? throw new TemplateException($"cannot unpack non-iterable {Operations.TypeName(value)} object");
        var items = new Value[count];
        for (int i = 0; i < count; i++)
        {
            items[i] = source.MoveNext()
                ? source.Current
                : throw new TemplateException($"not enough values to unpack (expected {count}, got {i})");
        }
        return source.MoveNext() ? throw new TemplateException($"too many values to unpack (expected {count})") : items;
    }
}
