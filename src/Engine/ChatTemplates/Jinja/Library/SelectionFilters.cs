using System.Collections.Frozen;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary>Filters that choose or look up, item by item.</summary>
internal static class SelectionFilters
{
    public static Value Default(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("default", arguments);
        Value fallback = reader.Optional("default_value", Value.EmptyString);
        bool whenFalse = Operations.Truth(state, reader.Optional("boolean", Value.False));
        reader.End();
        return value.IsUndefined || (whenFalse && !Operations.Truth(state, value)) ? fallback : value;
    }

    public static Value Attribute(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("attr", arguments);
        string name = StringMethods.Text(reader.Required("name"), "attr");
        reader.End();
        return Subscripts.TryAttribute(state, value, name) ?? UndefinedValue.Element(value, Value.Of(name));
    }

    public static Value Map(RenderState state, Value value, Arguments arguments) => IteratorValue.Generator(MapItems(state, value, arguments));

    public static Value Select(RenderState state, Value value, Arguments arguments) => Chosen(state, value, arguments, false, true);

    public static Value Reject(RenderState state, Value value, Arguments arguments) => Chosen(state, value, arguments, false, false);

    public static Value SelectAttribute(RenderState state, Value value, Arguments arguments) => Chosen(state, value, arguments, true, true);

    public static Value RejectAttribute(RenderState state, Value value, Arguments arguments) => Chosen(state, value, arguments, true, false);

    private static Value Chosen(RenderState state, Value value, Arguments arguments, bool byAttribute, bool keeps) =>
        IteratorValue.Generator(ChooseItems(state, value, arguments, byAttribute, keeps));

    private static IEnumerator<Value> MapItems(RenderState state, Value value, Arguments arguments)
    {
        if (!Operations.Truth(state, value))
        {
            yield break;
        }
        Func<Value, Value> map = Mapping(state, arguments);
        IEnumerator<Value> items = Iteration.Of(state, value);
        while (items.MoveNext())
        {
            state.Budget.Step();
            yield return map(items.Current);
        }
    }

    private static Func<Value, Value> Mapping(RenderState state, Arguments arguments)
    {
        if (arguments.Positional.Length == 0 && arguments.TryGetNamed("attribute", out Value attribute))
        {
            var reader = new ArgumentReader("map", arguments);
            reader.Required("attribute");
            var path = new AttributePath(attribute, reader.Optional("default"));
            reader.End();
            return item => path.Of(state, item);
        }
        if (arguments.Positional.Length == 0)
        {
            throw new TemplateException("map requires a filter argument");
        }
        Operation filter = Find(Filters.Table, arguments.Positional[0], "filter");
        Arguments rest = arguments.Skip(1);
        return item => filter(state, item, rest);
    }

    private static IEnumerator<Value> ChooseItems(RenderState state, Value value, Arguments arguments, bool byAttribute, bool keeps)
    {
        if (!Operations.Truth(state, value))
        {
            yield break;
        }
        if (byAttribute && arguments.Positional.Length == 0)
        {
            throw new TemplateException("Missing parameter for attribute name");
        }
        AttributePath? path = byAttribute ? new AttributePath(arguments.Positional[0]) : null;
        Arguments testArguments = arguments.Skip(byAttribute ? 1 : 0);
        Operation? test = testArguments.Positional.Length > 0 ? Find(Tests.Table, testArguments.Positional[0], "test") : null;
        testArguments = testArguments.Skip(1);
        IEnumerator<Value> items = Iteration.Of(state, value);
        while (items.MoveNext())
        {
            state.Budget.Step();
            Value subject = path is null ? items.Current : path.Of(state, items.Current);
            if (Operations.Truth(state, test is null ? subject : test(state, subject, testArguments)) == keeps)
            {
                yield return items.Current;
            }
        }
    }

    private static Operation Find(FrozenDictionary<string, Operation> table, Value name, string kind) =>
        name.IsString && table.TryGetValue(name.AsString, out Operation? operation)
            ? operation
            : throw new TemplateException($"No {kind} named {(name.IsString ? $"'{name.AsString}'" : Operations.TypeName(name))}.");
}
