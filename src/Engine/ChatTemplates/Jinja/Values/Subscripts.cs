using System.Numerics;
using KServePaged.Engine.ChatTemplates.Jinja.Formatting;
using KServePaged.Engine.ChatTemplates.Jinja.Library;

namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>
/// Attributes, items and slices, as Jinja's immutable sandbox has them. What can be reached is in the fixed tables of <see cref="Methods"/>;
/// everything else is undefined, or refused where Python would have it.
/// </summary>
internal static class Subscripts
{
    /// <summary><c>value.name</c>: the attribute, else the item.</summary>
    public static Value Attribute(RenderState state, Value value, string name) =>
        TryAttribute(state, value, name)
        ?? (value.Kind == ValueKind.Dict && value.AsDict.TryGet(state, name, out Value item) ? item : UndefinedValue.Element(value, Value.Of(name)));

    /// <summary><c>value[key]</c>: the item, else (for a string key) the attribute.</summary>
    public static Value Item(RenderState state, Value value, Value key)
    {
        switch (value.Kind)
        {
            case ValueKind.Undefined:
                throw ((UndefinedValue)value.AsObject).Error();
            case ValueKind.Dict when IsHashable(key):
                if (value.AsDict.TryGet(state, key, out Value entry))
                {
                    return entry;
                }
                break;
            case ValueKind.List or ValueKind.Tuple when IsIndex(key):
                var sequence = (SequenceValue)value.AsObject;
                return TryPosition(key.AsInteger, sequence.Count, out int position) ? sequence[position] : UndefinedValue.Element(value, key);
            case ValueKind.Range when IsIndex(key):
                var range = (RangeValue)value.AsObject;
                return TryPosition(key.AsInteger, range.Count, out int at) ? Value.Of(range[at]) : UndefinedValue.Element(value, key);
            case ValueKind.String when IsIndex(key):
                return CodePoints.TryAt(state, value.AsString, key.AsInteger, out string character)
                    ? Value.Text(character, value.IsMarkup)
                    : UndefinedValue.Element(value, key);
        }
        return key.IsString
            ? TryAttribute(state, value, key.AsString) ?? UndefinedValue.Element(value, key)
            : UndefinedValue.Element(value, key);
    }

    /// <returns>The attribute in Python's sense (what <c>getattr</c> finds), or null.</returns>
    public static Value? TryAttribute(RenderState state, Value value, string name)
    {
        if (value.IsUndefined)
        {
            throw ((UndefinedValue)value.AsObject).Error();
        }
        if (Methods.Find(value.Kind, name) is Operation method)
        {
            return Value.Of(new FunctionValue(name, method, value));
        }
        if (value.Kind is not (ValueKind.None or ValueKind.String or ValueKind.Boolean or ValueKind.Integer or ValueKind.Float)
            && value.AsObject.Attribute(state, name) is Value attribute)
        {
            return name.StartsWith('_') ? UndefinedValue.Unsafe(value, name) : attribute;
        }
        return Methods.IsRefused(value.Kind, name) ? UndefinedValue.Unsafe(value, name) : null;
    }

    /// <summary><c>value[start:stop:step]</c>; None stands for what is left out.</summary>
    public static Value Slice(RenderState state, Value value, Value start, Value stop, Value step)
    {
        if (value.IsUndefined)
        {
            throw ((UndefinedValue)value.AsObject).Error();
        }
        long count = value.Kind is ValueKind.String or ValueKind.List or ValueKind.Tuple or ValueKind.Range
            ? Operations.Length(state, value)
            : throw new TemplateException(value.Kind == ValueKind.Dict
                ? "unhashable type: 'slice'"
                : $"'{Operations.TypeName(value)}' object is not subscriptable");
        SliceBounds bounds = SliceBounds.Of(start, stop, step, (int)count);
        switch (value.Kind)
        {
            case ValueKind.String:
                return Value.Text(CodePoints.Slice(state, value.AsString, bounds), value.IsMarkup);
            case ValueKind.Range:
                var range = (RangeValue)value.AsObject;
                return Value.Of(new RangeValue(
                    range.Start + (bounds.Start * range.Step), range.Start + (bounds.Stop * range.Step), range.Step * bounds.Step, bounds.Count));
            default:
                state.Budget.AllocateItems(bounds.Count);
                var source = (SequenceValue)value.AsObject;
                var items = new Value[bounds.Count];
                for (int i = 0; i < items.Length; i++)
                {
                    items[i] = source[bounds.At(i)];
                }
                return value.Kind == ValueKind.List ? Value.Of(new ListValue([.. items])) : Value.Of(new TupleValue(items));
        }
    }

    /// <summary>Counts a negative index from the end.</summary>
    public static bool TryPosition(long index, int count, out int position)
    {
        long at = index < 0 ? index + count : index;
        position = (int)Math.Clamp(at, -1, count);
        return at >= 0 && at < count;
    }

    private static bool IsIndex(Value key) => key.Kind is ValueKind.Integer or ValueKind.Boolean;

    /// <summary>A key that a dict cannot have is simply not found.</summary>
    private static bool IsHashable(Value key) =>
        key.Kind is not (ValueKind.List or ValueKind.Dict)
        && (key.Kind != ValueKind.View || ((ViewValue)key.AsObject).Shown == ViewValue.Side.Values)
        && (key.Kind != ValueKind.Tuple || key.AsTuple.Items.All(IsHashable));
}
