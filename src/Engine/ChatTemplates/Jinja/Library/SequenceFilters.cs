using KServePaged.Engine.ChatTemplates.Jinja.Formatting;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary>Filters that take a sequence as it is. Those that give an iterator are as lazy as Python's generators.</summary>
internal static class SequenceFilters
{
    public static Value Length(RenderState state, Value value, Arguments arguments)
    {
        new ArgumentReader("length", arguments).End();
        return Value.Of(Operations.Length(state, value));
    }

    public static Value List(RenderState state, Value value, Arguments arguments)
    {
        new ArgumentReader("list", arguments).End();
        return Value.Of(new ListValue(Iteration.ToList(state, value)));
    }

    public static Value First(RenderState state, Value value, Arguments arguments)
    {
        new ArgumentReader("first", arguments).End();
        IEnumerator<Value> items = Iteration.Of(state, value);
        return items.MoveNext() ? items.Current : UndefinedValue.Hinted("No first item, sequence was empty.");
    }

    public static Value Last(RenderState state, Value value, Arguments arguments)
    {
        new ArgumentReader("last", arguments).End();
        if (!IsReversible(value))
        {
            throw new TemplateException($"'{Operations.TypeName(value)}' object is not reversible");
        }
        if (value.Kind is ValueKind.List or ValueKind.Tuple && Operations.Truth(state, value))
        {
            var sequence = (SequenceValue)value.AsObject;
            return sequence[sequence.Count - 1];
        }
        List<Value> items = Iteration.ToList(state, value);
        return items.Count > 0 ? items[^1] : UndefinedValue.Hinted("No last item, sequence was empty.");
    }

    public static Value Reverse(RenderState state, Value value, Arguments arguments)
    {
        new ArgumentReader("reverse", arguments).End();
        if (value.IsString)
        {
            return Value.Text(CodePoints.Slice(state, value.AsString, SliceBounds.Of(default, default, Value.Of(-1L), CodePoints.Count(state, value.AsString))), value.IsMarkup);
        }
        if (Iteration.TryOf(state, value) is null)
        {
            throw new TemplateException("argument must be iterable");
        }
        List<Value> items = Iteration.ToList(state, value);
        items.Reverse();
        return IsReversible(value)
            ? Value.Of(new IteratorValue("list_reverseiterator", items.GetEnumerator()))
            : Value.Of(new ListValue(items));
    }

    public static Value Items(RenderState state, Value value, Arguments arguments)
    {
        new ArgumentReader("items", arguments).End();
        return IteratorValue.Generator(Items(state, value));
    }

    public static Value Batch(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("batch", arguments);
        Value size = reader.Required("linecount");
        Value fill = reader.Optional("fill_with");
        reader.End();
        return IteratorValue.Generator(Batch(state, value, size, fill));
    }

    public static Value Slice(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("slice", arguments);
        Value count = reader.Required("slices");
        Value fill = reader.Optional("fill_with");
        reader.End();
        return IteratorValue.Generator(Slice(state, value, count, fill));
    }

    private static bool IsReversible(Value value) => value.Kind is ValueKind.String or ValueKind.List or ValueKind.Tuple or ValueKind.Dict
        or ValueKind.Range or ValueKind.View or ValueKind.Undefined;

    private static IEnumerator<Value> Items(RenderState state, Value value)
    {
        if (value.IsUndefined)
        {
            yield break;
        }
        if (value.Kind != ValueKind.Dict)
        {
            throw new TemplateException("Can only get item pairs from a mapping.");
        }
        foreach ((Value key, Value item) in value.AsDict.Entries)
        {
            state.Budget.Step();
            yield return TupleValue.Pair(key, item);
        }
    }

    private static IEnumerator<Value> Batch(RenderState state, Value value, Value sizeValue, Value fill)
    {
        IEnumerator<Value> source = Iteration.Of(state, value);
        List<Value> row = [];
        while (source.MoveNext())
        {
            if (state.Equality.Equals(Value.Of((long)row.Count), sizeValue))
            {
                yield return Value.Of(new ListValue(row));
                row = [];
            }
            Iteration.Add(state, row, source.Current);
        }
        if (row.Count > 0)
        {
            if (!fill.IsNone)
            {
                long missing = Math.Max(0, Numbers.Index(sizeValue) - row.Count);
                state.Budget.AllocateItems(missing);
                row.AddRange(Enumerable.Repeat(fill, (int)missing));
            }
            yield return Value.Of(new ListValue(row));
        }
    }

    private static IEnumerator<Value> Slice(RenderState state, Value value, Value countValue, Value fill)
    {
        List<Value> items = Iteration.ToList(state, value);
        long count = Numbers.Index(countValue);
        if (count == 0)
        {
            throw new TemplateException("integer division or modulo by zero");
        }
        int start = 0;
        for (long i = 0; i < count; i++)
        {
            state.Budget.Step();
            bool isLong = i < items.Count % count;
            int size = (int)(items.Count / count) + (isLong ? 1 : 0);
            List<Value> part = items.GetRange(start, size);
            start += size;
            if (!fill.IsNone && !isLong)
            {
                part.Add(fill);
            }
            state.Budget.AllocateItems(part.Count);
            yield return Value.Of(new ListValue(part));
        }
    }
}
