namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>What <c>dict.keys()</c>, <c>values()</c> and <c>items()</c> give.</summary>
internal sealed class ViewValue(DictValue dict, ViewValue.Side side) : ValueObject(ValueKind.View, Names[(int)side])
{
    private static readonly string[] Names = ["dict_keys", "dict_values", "dict_items"];

    internal enum Side
    {
        Keys,
        Values,
        Items,
    }

    public Side Shown { get; } = side;

    public DictValue Dict { get; } = dict;

    public override long? Length(RenderState state) => Dict.Count;

    public override IEnumerator<Value> Iterate(RenderState state)
    {
        for (int i = 0; i < Dict.Count; i++)
        {
            yield return At(i);
        }
    }

    public override void Represent(Formatting.Printer printer)
    {
        printer.Append(TypeName);
        printer.Append("([");
        for (int i = 0; i < Dict.Count; i++)
        {
            if (i > 0)
            {
                printer.Append(", ");
            }
            printer.Represent(At(i));
        }
        printer.Append("])");
    }

    public Value At(int index) => Shown switch
    {
        Side.Keys => Dict.KeyAt(index),
        Side.Values => Dict[index],
        _ => TupleValue.Pair(Dict.KeyAt(index), Dict[index]),
    };
}
