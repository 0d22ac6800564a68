using KServePaged.Engine.ChatTemplates.Jinja.Formatting;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary>Filters that compare the items of a sequence, or add them up.</summary>
internal static class OrderFilters
{
    private static readonly string[] GroupFields = ["grouper", "list"];

    public static Value Sort(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("sort", arguments);
        bool reverse = Operations.Truth(state, reader.Optional("reverse", Value.False));
        bool caseSensitive = Operations.Truth(state, reader.Optional("case_sensitive", Value.False));
        AttributePath[] paths = AttributePath.Several(reader.Optional("attribute"));
        reader.End();

        // The key is a list even for one attribute: equal items are then never asked for an order that they may not have.
        var keyed = Iteration.ToList(state, value).ConvertAll(item => new KeyValuePair<Value, Value>(
            Value.Of(new TupleValue(Array.ConvertAll(paths, path => path.KeyOf(state, item, caseSensitive)))), item));
        state.Budget.AllocateItems(keyed.Count * (1L + paths.Length));
        return Value.Of(new ListValue([.. SortByKey(state, keyed, reverse).Select(entry => entry.Value)]));
    }

    public static Value DictSort(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("dictsort", arguments);
        bool caseSensitive = Operations.Truth(state, reader.Optional("case_sensitive", Value.False));
        Value by = reader.Optional("by", Value.Of("key"));
        bool reverse = Operations.Truth(state, reader.Optional("reverse", Value.False));
        reader.End();
        if (!by.IsString || by.AsString is not ("key" or "value"))
        {
            throw new TemplateException("You can only sort by either \"key\" or \"value\"");
        }
        if (value.Kind != ValueKind.Dict)
        {
            throw value.IsUndefined
                ? ((UndefinedValue)value.AsObject).Error()
                : new TemplateException($"'{Operations.TypeName(value)}' object has no attribute 'items'");
        }
        var keyed = value.AsDict.Entries.Select(entry => new KeyValuePair<Value, Value>(
            AttributePath.Fold(state, by.AsString == "key" ? entry.Key : entry.Value, caseSensitive),
            TupleValue.Pair(entry.Key, entry.Value)));
        return Value.Of(new ListValue([.. SortByKey(state, keyed, reverse).Select(entry => entry.Value)]));
    }

    public static Value GroupBy(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("groupby", arguments);
        Value attribute = reader.Required("attribute");
        var path = new AttributePath(attribute, reader.Optional("default"));
        bool caseSensitive = Operations.Truth(state, reader.Optional("case_sensitive", Value.False));
        reader.End();
        var keyed = Iteration.ToList(state, value)
            .ConvertAll(item => new KeyValuePair<Value, Value>(path.KeyOf(state, item, caseSensitive), item));
        List<Value> groups = [];
        List<Value> group = [];
        Value key = default;
        foreach ((Value itemKey, Value item) in SortByKey(state, keyed, descending: false))
        {
            if (group.Count == 0 || !state.Equality.Equals(key, itemKey))
            {
                key = itemKey;
                group = [];
                Value shown = caseSensitive ? itemKey : path.Of(state, item);
                groups.Add(Value.Of(new TupleValue([shown, Value.Of(new ListValue(group))], GroupFields)));
            }
            Iteration.Add(state, group, item);
        }
        return Value.Of(new ListValue(groups));
    }

    public static Value Unique(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("unique", arguments);
        bool caseSensitive = Operations.Truth(state, reader.Optional("case_sensitive", Value.False));
        var path = new AttributePath(reader.Optional("attribute"));
        reader.End();
        return IteratorValue.Generator(Unique(state, value, path, caseSensitive));
    }

    public static Value Min(RenderState state, Value value, Arguments arguments) => Extreme(state, value, arguments, "min", "<");

    public static Value Max(RenderState state, Value value, Arguments arguments) => Extreme(state, value, arguments, "max", ">");

    public static Value Sum(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("sum", arguments);
        Value attribute = reader.Optional("attribute");
        Value sum = reader.Optional("start", Value.Of(0L));
        reader.End();
        if (sum.IsString)
        {
            throw new TemplateException("sum() can't sum strings [use ''.join(seq) instead]");
        }
        var path = new AttributePath(attribute);
        IEnumerator<Value> items = Iteration.Of(state, value);
        while (items.MoveNext())
        {
            state.Budget.Step();
            sum = Arithmetic.Add(state, sum, path.Of(state, items.Current));
        }
        return sum;
    }

    private static Value Extreme(RenderState state, Value value, Arguments arguments, string name, string symbol)
    {
        var reader = new ArgumentReader(name, arguments);
        bool caseSensitive = Operations.Truth(state, reader.Optional("case_sensitive", Value.False));
        var path = new AttributePath(reader.Optional("attribute"));
        reader.End();
        IEnumerator<Value> items = Iteration.Of(state, value);
        if (!items.MoveNext())
        {
            return UndefinedValue.Hinted("No aggregated item, sequence was empty.");
        }
        Value best = items.Current;
        Value bestKey = path.KeyOf(state, best, caseSensitive);
        while (items.MoveNext())
        {
            Value key = path.KeyOf(state, items.Current, caseSensitive);
            if (Comparison.Holds(state, symbol, key, bestKey))
            {
                (best, bestKey) = (items.Current, key);
            }
        }
        return best;
    }

    private static IEnumerator<Value> Unique(RenderState state, Value value, AttributePath path, bool caseSensitive)
    {
        var seen = new HashSet<Value>(state.Equality);
        IEnumerator<Value> items = Iteration.Of(state, value);
        while (items.MoveNext())
        {
            state.Budget.AllocateItems(1);
            if (seen.Add(path.KeyOf(state, items.Current, caseSensitive)))
            {
                yield return items.Current;
            }
        }
    }

    private static KeyValuePair<Value, Value>[] SortByKey(RenderState state, IEnumerable<KeyValuePair<Value, Value>> keyed, bool descending)
    {
        KeyValuePair<Value, Value>[] sorted = StableSort.Sort(keyed, (left, right) => Operations.Less(state, left.Key, right.Key), descending);
        state.Budget.AllocateItems(sorted.Length * 2L);
        return sorted;
    }
}
