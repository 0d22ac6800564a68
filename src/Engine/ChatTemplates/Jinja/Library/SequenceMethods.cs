using System.Collections.Frozen;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary>Methods of list, tuple and range.</summary>
internal static class SequenceMethods
{
    public static readonly FrozenDictionary<string, Operation> Tuple = new Dictionary<string, Operation>
    {
        ["index"] = Index,
        ["count"] = Count,
    }.ToFrozenDictionary();

    public static readonly FrozenDictionary<string, Operation> Range = Tuple;

    public static readonly FrozenDictionary<string, Operation> List = new Dictionary<string, Operation>(Tuple)
    {
        ["copy"] = Copy,
        ["pop"] = Pop,
        ["clear"] = Clear,
    }.ToFrozenDictionary();

    private static Value Index(RenderState state, Value self, Arguments arguments)
    {
        var reader = new ArgumentReader("index", arguments);
        Value wanted = reader.Required(string.Empty);
        Value start = reader.Optional(string.Empty);
        Value stop = reader.Optional(string.Empty);
        reader.End();
        List<Value> items = Iteration.ToList(state, self);
        SliceBounds bounds = SliceBounds.Of(start, stop, default, items.Count);
        for (int i = 0; i < bounds.Count; i++)
        {
            if (state.Equality.Equals(items[bounds.At(i)], wanted))
            {
                return Value.Of((long)bounds.At(i));
            }
        }
        throw new TemplateException($"{Formatting.Printer.Repr(state, wanted)} is not in {Operations.TypeName(self)}");
    }

    private static Value Count(RenderState state, Value self, Arguments arguments)
    {
        var reader = new ArgumentReader("count", arguments);
        Value wanted = reader.Required(string.Empty);
        reader.End();
        return Value.Of((long)Iteration.ToList(state, self).Count(item => state.Equality.Equals(item, wanted)));
    }

    private static Value Copy(RenderState state, Value self, Arguments arguments)
    {
        new ArgumentReader("copy", arguments).End();
        return Value.Of(new ListValue(Iteration.ToList(state, self)));
    }

    private static Value Pop(RenderState state, Value self, Arguments arguments)
    {
        var reader = new ArgumentReader("pop", arguments);
        long index = Numbers.Index(reader.Optional(string.Empty, Value.Of(-1L)));
        reader.End();
        List<Value> items = self.AsList.Items;
        if (!Subscripts.TryPosition(index, items.Count, out int position))
        {
            throw new TemplateException(items.Count == 0 ? "pop from empty list" : "pop index out of range");
        }
        state.Budget.Step((items.Count - position) / 64);
        Value item = items[position];
        items.RemoveAt(position);
        return item;
    }

    private static Value Clear(RenderState state, Value self, Arguments arguments)
    {
        new ArgumentReader("clear", arguments).End();
        self.AsList.Items.Clear();
        return Value.None;
    }
}
