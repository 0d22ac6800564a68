namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>
/// What a missing variable or attribute is: it prints as nothing, iterates over nothing and is false; anything else done with it fails
/// with a message that says how it came about.
/// </summary>
internal sealed class UndefinedValue : ValueObject
{
    private readonly string? _hint;
    private readonly string? _owner; // type of the object that lacks the attribute; null for a variable
    private readonly Value _name;

    private UndefinedValue(string? hint, string? owner, Value name)
        : base(ValueKind.Undefined, "Undefined")
    {
        _hint = hint;
        _owner = owner;
        _name = name;
    }

    public string Message
    {
        get
        {
            if (_hint is not null)
            {
                return _hint;
            }
            if (_owner is null)
            {
                return $"'{_name.AsString}' is undefined";
            }
            return _name.IsString
                ? $"'{_owner}' has no attribute '{_name.AsString}'"
                : $"{_owner} has no element {(_name.Kind == ValueKind.Integer ? _name.AsInteger : Operations.TypeName(_name))}";
        }
    }

    public override bool IsCallable => true;

    public static Value Variable(string name) => Value.Of(new UndefinedValue(null, null, Value.Of(name)));

    public static Value Element(Value owner, Value name) =>
        Value.Of(new UndefinedValue(null, owner.IsNone ? "None" : Operations.TypeName(owner) + " object", name));

    public static Value Hinted(string hint) => Value.Of(new UndefinedValue(hint, null, default));

    /// <summary>What the sandbox answers for an attribute that exists in Python but must not be reached.</summary>
    public static Value Unsafe(Value owner, string attribute) =>
        Hinted($"access to attribute '{attribute}' of '{Operations.TypeName(owner)}' object is unsafe.");

    public TemplateException Error() => new(Message);

    public override long? Length(RenderState state) => 0;

    public override IEnumerator<Value> Iterate(RenderState state) => Enumerable.Empty<Value>().GetEnumerator();

    public override Value Call(RenderState state, Arguments arguments) => throw Error();

    public override void Represent(Formatting.Printer printer) => printer.Append("Undefined");
}
