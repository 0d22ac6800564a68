using System.Collections.Frozen;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

internal static class DictMethods
{
    public static readonly FrozenDictionary<string, Operation> Table = new Dictionary<string, Operation>
    {
        ["get"] = Get,
        ["items"] = (state, self, arguments) => View(self, ViewValue.Side.Items, arguments, "items"),
        ["keys"] = (state, self, arguments) => View(self, ViewValue.Side.Keys, arguments, "keys"),
        ["values"] = (state, self, arguments) => View(self, ViewValue.Side.Values, arguments, "values"),
        ["copy"] = Copy,
        ["fromkeys"] = FromKeys,
    }.ToFrozenDictionary();

    private static Value Get(RenderState state, Value self, Arguments arguments)
    {
        var reader = new ArgumentReader("get", arguments);
        Value key = reader.Required(string.Empty);
        Value fallback = reader.Optional(string.Empty);
        reader.End();
        return self.AsDict.TryGet(state, key, out Value value) ? value : fallback;
    }

    private static Value View(Value self, ViewValue.Side side, Arguments arguments, string name)
    {
        new ArgumentReader(name, arguments).End();
        return Value.Of(new ViewValue(self.AsDict, side));
    }

    private static Value Copy(RenderState state, Value self, Arguments arguments)
    {
        new ArgumentReader("copy", arguments).End();
        return Value.Of(self.AsDict.Copy(state));
    }

    private static Value FromKeys(RenderState state, Value self, Arguments arguments)
    {
        var reader = new ArgumentReader("fromkeys", arguments);
        IEnumerator<Value> keys = Iteration.Of(state, reader.Required(string.Empty));
        Value value = reader.Optional(string.Empty);
        reader.End();
        var dict = new DictValue();
        while (keys.MoveNext())
        {
            dict.Set(state, keys.Current, value);
        }
        return Value.Of(dict);
    }
}
