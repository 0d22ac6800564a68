namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>What a <see cref="Value"/> holds. The order of the numbers (Boolean … Float) is relied upon by <see cref="Value.IsNumber"/>.</summary>
internal enum ValueKind : byte
{
    None,

    /// <summary>A local variable that was never assigned; never seen by a template.</summary>
    Missing,

    Boolean,
    Integer,
    BigInteger,
    Float,
    String,
    Undefined,
    List,
    Tuple,
    Dict,
    Range,
    View,
    Iterator,
    Namespace,
    Loop,

    /// <summary>Macros, methods, functions and the small helper objects; behaviour is the object's own.</summary>
    Object,
}
