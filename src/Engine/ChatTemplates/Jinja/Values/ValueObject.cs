namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>
/// A value that needs an object. What a template may do with it is exactly what is overridden here: there is no reflection and no way
/// from a value to the host.
/// </summary>
internal abstract class ValueObject(ValueKind kind, string typeName)
{
    public ValueKind Kind { get; } = kind;

    /// <summary>The name of the type in Python's messages.</summary>
    public string TypeName { get; } = typeName;

    public virtual bool IsCallable => false;

    /// <returns>Python's <c>len</c>, or null where the type has none.</returns>
    public virtual long? Length(RenderState state) => null;

    public virtual bool Truth(RenderState state) => Length(state) is not 0;

    /// <returns>A fresh iterator (an iterator gives itself), or null where the type cannot be iterated.</returns>
    public virtual IEnumerator<Value>? Iterate(RenderState state) => null;

    /// <returns>An attribute that is not in a method table, or null.</returns>
    public virtual Value? Attribute(RenderState state, string name) => null;

    public virtual Value Call(RenderState state, Arguments arguments) =>
        throw new TemplateException($"'{TypeName}' object is not callable");

    /// <summary>Writes Python's <c>repr</c>.</summary>
    public virtual void Represent(Formatting.Printer printer) => printer.Append($"<{TypeName} object>");
}
