using KServePaged.Engine.ChatTemplates.Jinja.Nodes;

namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>The <c>loop</c> of a for tag. It looks one item ahead only where the template asks for it.</summary>
internal sealed class LoopValue : ValueObject
{
    private readonly ForStatement? _recursion;
    private readonly Frame _outer;
    private readonly int _depth;
    private IEnumerator<Value> _source;
    private long? _length;
    private long _index = -1;
    private Value _previous = Value.Missing;
    private Value _ahead = Value.Missing;
    private TupleValue? _lastChanged;

    /// <param name="length">Number of items, or null where only iterating tells.</param>
    /// <param name="recursion">The loop that <c>loop(…)</c> runs again, or null where the tag is not recursive.</param>
    public LoopValue(IEnumerator<Value> source, long? length, ForStatement? recursion, Frame outer, int depth)
        : base(ValueKind.Loop, "LoopContext") =>
        (_source, _length, _recursion, _outer, _depth) = (source, length, recursion, outer, depth);

    public Value Current { get; private set; } = Value.Missing;

    public override bool IsCallable => true;

    public bool MoveNext()
    {
        Value next = _ahead;
        if (next.IsMissing)
        {
            if (!_source.MoveNext())
            {
                return false;
            }
            next = _source.Current;
        }
        (_ahead, _previous, Current) = (Value.Missing, Current, next);
        _index++;
        return true;
    }

    public override long? Length(RenderState state)
    {
        if (_length is null)
        {
            var rest = new List<Value>();
            while (_source.MoveNext())
            {
                state.Budget.Step();
                Iteration.Add(state, rest, _source.Current);
            }
            _source = rest.AsEnumerable().GetEnumerator();
            _length = rest.Count + _index + 1 + (_ahead.IsMissing ? 0 : 1);
        }
        return _length;
    }

    public override IEnumerator<Value> Iterate(RenderState state)
    {
        while (MoveNext())
        {
            yield return TupleValue.Pair(Current, Value.Of(this));
        }
    }

    public override Value? Attribute(RenderState state, string name) => name switch
    {
        "index" => Value.Of(_index + 1),
        "index0" => Value.Of(_index),
        "first" => Value.Of(_index == 0),
        "last" => Value.Of(Peek().IsMissing),
        "length" => Value.Of(Length(state)!.Value), // never null here
        "revindex" => Value.Of(Length(state)!.Value - _index),
        "revindex0" => Value.Of(Length(state)!.Value - _index - 1),
        "depth" => Value.Of(_depth + 1L),
        "depth0" => Value.Of((long)_depth),
        "previtem" => _index == 0 ? UndefinedValue.Hinted("there is no previous item") : _previous,
        "nextitem" => Peek().IsMissing ? UndefinedValue.Hinted("there is no next item") : _ahead,
        "cycle" => Value.Of(new FunctionValue("cycle", Cycle)),
        "changed" => Value.Of(new FunctionValue("changed", Changed)),
        _ => null,
    };

    public override Value Call(RenderState state, Arguments arguments)
    {
        var reader = new ArgumentReader("loop", arguments);
        Value items = reader.Required("iterable");
        reader.End();
        return _recursion is null
            ? throw new TemplateException("The loop must have the 'recursive' marker to be called recursively.")
            : _recursion.Recurse(_outer, items, _depth + 1);
    }

    public override void Represent(Formatting.Printer printer) => printer.Append("<LoopContext>");

    private Value Peek()
    {
        if (_ahead.IsMissing && _source.MoveNext())
        {
            _ahead = _source.Current;
        }
        return _ahead;
    }

    private Value Cycle(RenderState state, Value self, Arguments arguments) => arguments.Positional.Length == 0
        ? throw new TemplateException("no items for cycling given")
        : arguments.Positional[_index % arguments.Positional.Length];

    private Value Changed(RenderState state, Value self, Arguments arguments)
    {
        var now = new TupleValue(arguments.Positional);
        bool changed = _lastChanged is null || !state.Equality.Equals(Value.Of(_lastChanged), Value.Of(now));
        _lastChanged = now;
        return Value.Of(changed);
    }
}
