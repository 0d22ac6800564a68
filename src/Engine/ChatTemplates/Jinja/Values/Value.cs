using System.Numerics;

namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>
/// One value of a template, with Python's types. Numbers and booleans live in the struct, so that arithmetic and loop counters allocate
/// nothing. <c>default</c> is None.
/// </summary>
internal readonly struct Value
{
    private const long MarkupBit = 1;

    private readonly object? _reference; // null, a string, or a ValueObject (a Tag for what lives in _bits)
    private readonly long _bits;

    private Value(object? reference, long bits = 0)
    {
        _reference = reference;
        _bits = bits;
    }

    public static Value None => default;

    public static Value Missing => new(Tag.Missing);

    public static Value True => new(Tag.Boolean, 1);

    public static Value False => new(Tag.Boolean, 0);

    public static Value EmptyString => new(string.Empty);

    public ValueKind Kind => _reference switch
    {
        null => ValueKind.None,
        string => ValueKind.String,
        _ => ((ValueObject)_reference).Kind,
    };

    public bool IsNone => _reference is null;

    public bool IsMissing => ReferenceEquals(_reference, Tag.Missing);

    public bool IsString => _reference is string;

    public bool IsUndefined => _reference is UndefinedValue;

    /// <summary>A string that the <c>safe</c> or <c>escape</c> filter marked: HTML that is not escaped again.</summary>
    public bool IsMarkup => _bits == MarkupBit && _reference is string;

    /// <summary>Python's numbers: bool, int (of any size) and float.</summary>
    public bool IsNumber => Kind is >= ValueKind.Boolean and <= ValueKind.Float;

    /// <summary>bool or int, of any size.</summary>
    public bool IsIntegral => Kind is >= ValueKind.Boolean and <= ValueKind.BigInteger;

    public bool AsBoolean => _bits != 0;

    /// <summary>The number of an Integer, or 0 and 1 of a Boolean.</summary>
    public long AsInteger => _bits;

    public double AsFloat => BitConverter.Int64BitsToDouble(_bits);

    public string AsString => (string)_reference!; // the caller checked Kind

    public ValueObject AsObject => (ValueObject)_reference!; // the caller checked Kind

    public ListValue AsList => (ListValue)_reference!;

    public TupleValue AsTuple => (TupleValue)_reference!;

    public DictValue AsDict => (DictValue)_reference!;

    /// <summary>An integral value (<see cref="IsIntegral"/>) at any size.</summary>
    public BigInteger AsBigInteger => _reference is BigIntegerValue big ? big.Number : new BigInteger(_bits);

    public static Value Of(bool value) => value ? True : False;

    public static Value Of(long value) => new(Tag.Integer, value);

    public static Value Of(double value) => new(Tag.Float, BitConverter.DoubleToInt64Bits(value));

    public static Value Of(string value) => new(value);

    public static Value Of(ValueObject value) => new(value);

    public static Value Of(BigInteger value) =>
        value >= long.MinValue && value <= long.MaxValue ? Of((long)value) : new(new BigIntegerValue(value));

    public static Value Markup(string value) => new(value, MarkupBit);

    /// <summary>A string that is markup exactly if <paramref name="markup"/>.</summary>
    public static Value Text(string value, bool markup) => new(value, markup ? MarkupBit : 0);

    /// <summary>Python's <c>is</c>.</summary>
    public static bool Same(Value left, Value right) =>
        left._bits == right._bits && (ReferenceEquals(left._reference, right._reference)
            || (left._reference is string a && right._reference is string b && a == b));

    /// <summary>Marks the kinds whose content is in the struct.</summary>
    private sealed class Tag(ValueKind kind, string typeName) : ValueObject(kind, typeName)
    {
        public static readonly Tag Missing = new(ValueKind.Missing, "missing");
        public static readonly Tag Boolean = new(ValueKind.Boolean, "bool");
        public static readonly Tag Integer = new(ValueKind.Integer, "int");
        public static readonly Tag Float = new(ValueKind.Float, "float");
    }
}
