using System.Collections.Frozen;
using KServePaged.Engine.ChatTemplates.Jinja.Formatting;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary>The functions that every template has: Jinja's, and the two that transformers adds.</summary>
internal static class Globals
{
    public static readonly FrozenDictionary<string, Value> Table = new Dictionary<string, Operation>
    {
        ["range"] = MakeRange,
        ["dict"] = MakeDict,
        ["namespace"] = (state, _, arguments) => Value.Of(new NamespaceValue(MakeDict(state, default, arguments).AsDict)),
        ["cycler"] = (_, _, arguments) => Value.Of(new CyclerValue(arguments)),
        ["joiner"] = MakeJoiner,
        ["raise_exception"] = RaiseException,
        ["strftime_now"] = FormatNow,
    }.ToFrozenDictionary(entry => entry.Key, entry => Value.Of(new FunctionValue(entry.Key, entry.Value)));

    private static Value MakeRange(RenderState state, Value self, Arguments arguments)
    {
        var reader = new ArgumentReader("range", arguments);
        long first = Numbers.Index(reader.Required(string.Empty));
        bool hasStop = reader.TryRead(string.Empty, out Value stopValue);
        long step = Numbers.Index(reader.Optional(string.Empty, Value.Of(1L)));
        reader.End();
        (long start, long stop) = hasStop ? (first, Numbers.Index(stopValue)) : (0, first);
        if (step == 0)
        {
            throw new TemplateException("range() arg 3 must not be zero");
        }
        Int128 span = step > 0 ? (Int128)stop - start : (Int128)start - stop;
        Int128 count = span <= 0 ? 0 : ((span - 1) / Int128.Abs(step)) + 1;
        return count <= state.Budget.Limits.RangeItems
            ? Value.Of(new RangeValue(start, stop, step, (int)count))
            : throw new TemplateException($"Range too big. The sandbox blocks ranges larger than {state.Budget.Limits.RangeItems} items");
    }

    /// <summary>A dict of a mapping or of pairs, and of named arguments.</summary>
    private static Value MakeDict(RenderState state, Value self, Arguments arguments)
    {
        var dict = new DictValue();
        if (arguments.Positional.Length > 1)
        {
            throw new TemplateException($"dict expected at most 1 argument, got {arguments.Positional.Length}");
        }
        if (arguments.Positional.Length == 1 && arguments.Positional[0].Kind == ValueKind.Dict)
        {
            dict = arguments.Positional[0].AsDict.Copy(state);
        }
        else if (arguments.Positional.Length == 1)
        {
            IEnumerator<Value> pairs = Iteration.Of(state, arguments.Positional[0]);
            while (pairs.MoveNext())
            {
                Value[] pair = Iteration.Unpack(state, pairs.Current, 2);
                dict.Set(state, pair[0], pair[1]);
            }
        }
        foreach (NamedValue argument in arguments.Named)
        {
            dict.Set(state, argument.Name, argument.Value);
        }
        return Value.Of(dict);
    }

    private static Value MakeJoiner(RenderState state, Value self, Arguments arguments)
    {
        var reader = new ArgumentReader("joiner", arguments);
        Value separator = reader.Optional("sep", Value.Of(", "));
        reader.End();
        bool used = false;
        return Value.Of(new FunctionValue("joiner", (_, _, given) =>
        {
            new ArgumentReader("joiner", given).End();
            Value text = used ? separator : Value.EmptyString;
            used = true;
            return text;
        }));
    }

    private static Value RaiseException(RenderState state, Value self, Arguments arguments)
    {
        var reader = new ArgumentReader("raise_exception", arguments);
        Value message = reader.Required("message");
        reader.End();
        throw new TemplateException(Printer.Str(state, message), raised: true);
    }

    private static Value FormatNow(RenderState state, Value self, Arguments arguments)
    {
        var reader = new ArgumentReader("strftime_now", arguments);
        string format = StringMethods.Text(reader.Required("format"), "strftime_now");
        reader.End();
        return Value.Of(TimeFormat.Format(state, format));
    }
}
