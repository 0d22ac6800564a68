using KServePaged.Engine.ChatTemplates.Jinja.Formatting;

namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>What Python can do with any value: its type's name, truth, length, order and membership.</summary>
internal static class Operations
{
    public static string TypeName(Value value) => value.Kind switch
    {
        ValueKind.None => "NoneType",
        ValueKind.String => value.IsMarkup ? "Markup" : "str",
        ValueKind.Boolean => "bool",
        ValueKind.Integer => "int",
        ValueKind.Float => "float",
        _ => value.AsObject.TypeName,
    };

    public static bool Truth(RenderState state, Value value) => value.Kind switch
    {
        ValueKind.None => false,
        ValueKind.Boolean or ValueKind.Integer => value.AsInteger != 0,
        ValueKind.Float => value.AsFloat != 0,
        ValueKind.String => value.AsString.Length > 0,
        ValueKind.Undefined => false,
        _ => value.AsObject.Truth(state),
    };

    /// <returns>Python's <c>len</c>, or null where the value has none.</returns>
    public static long? TryLength(RenderState state, Value value) => value.Kind switch
    {
        ValueKind.String => CodePoints.Count(state, value.AsString),
        ValueKind.None or ValueKind.Boolean or ValueKind.Integer or ValueKind.Float => null,
        _ => value.AsObject.Length(state),
    };

    public static long Length(RenderState state, Value value) => TryLength(state, value)
        ?? throw new TemplateException($"object of type '{TypeName(value)}' has no len()");

    public static bool IsCallable(Value value) =>
        value.Kind is ValueKind.Undefined or ValueKind.Loop or ValueKind.Object && value.AsObject.IsCallable;

    public static Value Call(RenderState state, Value callee, Arguments arguments)
    {
        state.Budget.Step();
        return callee.Kind is ValueKind.Undefined or ValueKind.Loop or ValueKind.Object
            ? callee.AsObject.Call(state, arguments)
            : throw new TemplateException($"'{TypeName(callee)}' object is not callable");
    }

    /// <summary>Python's <c>in</c>.</summary>
    public static bool Contains(RenderState state, Value container, Value item)
    {
        switch (container.Kind)
        {
            case ValueKind.String:
                return item.IsString
                    ? TextSearch.IndexOf(state, container.AsString, item.AsString, 0, container.AsString.Length) >= 0
                    : throw new TemplateException($"'in <string>' requires string as left operand, not {TypeName(item)}");
            case ValueKind.List or ValueKind.Tuple:
                return state.Equality.Contains((SequenceValue)container.AsObject, item);
            case ValueKind.Dict:
                return container.AsDict.TryGet(state, item, out _);
            case ValueKind.View when ((ViewValue)container.AsObject).Shown == ViewValue.Side.Keys:
                return ((ViewValue)container.AsObject).Dict.TryGet(state, item, out _);
            case ValueKind.Range when item.Kind is ValueKind.Integer or ValueKind.Boolean:
                return ((RangeValue)container.AsObject).IndexOf(item.AsInteger) >= 0;
            default:
                return IteratesTo(state, container, item);
        }
    }

    /// <summary>Python's order: negative, zero or positive.</summary>
    /// <param name="symbol">The operator, for the message.</param>
    /// <returns>Null where a NaN takes part: then every comparison is false.</returns>
    /// <exception cref="TemplateException">The two have no order.</exception>
    public static int? Compare(RenderState state, Value left, Value right, string symbol)
    {
        state.Budget.Step();
        if (left.IsNumber && right.IsNumber)
        {
            return Numbers.Compare(left, right);
        }
        if (left.IsUndefined || right.IsUndefined)
        {
            throw ((UndefinedValue)(left.IsUndefined ? left : right).AsObject).Error();
        }
        if (left.Kind == right.Kind && left.Kind == ValueKind.String)
        {
            state.Budget.Scan(Math.Min(left.AsString.Length, right.AsString.Length));
            return CodePoints.Compare(left.AsString, right.AsString);
        }
        return left.Kind == right.Kind && left.Kind is ValueKind.List or ValueKind.Tuple
            ? CompareSequences(state, (SequenceValue)left.AsObject, (SequenceValue)right.AsObject, symbol)
            : throw new TemplateException($"'{symbol}' not supported between instances of '{TypeName(left)}' and '{TypeName(right)}'");
    }

    public static bool Less(RenderState state, Value left, Value right) => Compare(state, left, right, "<") < 0;

    private static int? CompareSequences(RenderState state, SequenceValue left, SequenceValue right, string symbol)
    {
        Budget.EnsureStack();
        int shared = Math.Min(left.Count, right.Count);
        for (int i = 0; i < shared; i++)
        {
            if (!state.Equality.Equals(left[i], right[i]))
            {
                return Compare(state, left[i], right[i], symbol);
            }
        }
        return left.Count.CompareTo(right.Count);
    }

    private static bool IteratesTo(RenderState state, Value container, Value item)
    {
        IEnumerator<Value> items = Iteration.TryOf(state, container)
            ?? throw new TemplateException($"argument of type '{TypeName(container)}' is not iterable");
        while (items.MoveNext())
        {
            if (state.Equality.Equals(items.Current, item))
            {
                return true;
            }
        }
        return false;
    }
}
