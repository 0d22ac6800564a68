namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>What <c>cycler(…)</c> gives: its items in turn, over and over.</summary>
internal sealed class CyclerValue : ValueObject
{
    private readonly Value[] _items;
    private int _position;

    public CyclerValue(Arguments arguments)
        : base(ValueKind.Object, "Cycler") => _items = arguments.Positional.Length > 0 && arguments.Named.Length == 0
            ? arguments.Positional
            : throw new TemplateException("at least one item has to be provided");

    public override bool Truth(RenderState state) => true;

    public override Value? Attribute(RenderState state, string name) => name switch
    {
        "current" => _items[_position],
        "items" => Value.Of(new TupleValue(_items)),
        "pos" => Value.Of((long)_position),
        "next" => Value.Of(new FunctionValue("next", (_, _, arguments) =>
        {
            new ArgumentReader("next", arguments).End();
            Value current = _items[_position];
            _position = (_position + 1) % _items.Length;
            return current;
        })),
        "reset" => Value.Of(new FunctionValue("reset", (_, _, arguments) =>
        {
            new ArgumentReader("reset", arguments).End();
            _position = 0;
            return Value.None;
        })),
        _ => null,
    };
}
