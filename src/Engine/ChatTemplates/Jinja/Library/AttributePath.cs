using System.Globalization;
using System.Numerics;
using KServePaged.Engine.ChatTemplates.Jinja.Formatting;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary>The <c>attribute</c> argument of filters: <c>"address.city"</c>, <c>"0"</c>, 3, or None for the item itself.</summary>
internal sealed class AttributePath
{
    private readonly Value[] _steps;
    private readonly Value _default;

    /// <param name="fallback">What stands in for something undefined on the way; None for nothing.</param>
    public AttributePath(Value attribute, Value fallback = default)
    {
        _default = fallback;
        _steps = attribute.Kind switch
        {
            ValueKind.None => [],
            ValueKind.String => Array.ConvertAll(attribute.AsString.Split('.'), Step),
            _ => [attribute],
        };
    }

    /// <summary>The paths of a comma separated list.</summary>
    public static AttributePath[] Several(Value attribute) => attribute.IsString
        ? Array.ConvertAll(attribute.AsString.Split(','), part => new AttributePath(Value.Of(part)))
        : [new AttributePath(attribute)];

    public Value Of(RenderState state, Value item)
    {
        foreach (Value step in _steps)
        {
            state.Budget.Step();
            item = Subscripts.Item(state, item, step);
            if (item.IsUndefined && !_default.IsNone)
            {
                item = _default;
            }
        }
        return item;
    }

    /// <summary>The value as a sort key: without case, unless it matters.</summary>
    public Value KeyOf(RenderState state, Value item, bool caseSensitive) => Fold(state, Of(state, item), caseSensitive);

    public static Value Fold(RenderState state, Value value, bool caseSensitive)
    {
        if (caseSensitive || !value.IsString)
        {
            return value;
        }
        return Value.Of(StringMethods.Map(state, value.AsString, Casing.Lower));
    }

    private static Value Step(string part) => part.Length > 0 && part.All(char.IsAsciiDigit)
        ? Value.Of(BigInteger.Parse(part, CultureInfo.InvariantCulture))
        : Value.Of(part);
}
