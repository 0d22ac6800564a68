namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>The one object whose attributes a template may set: <c>{% set ns.x = … %}</c>.</summary>
internal sealed class NamespaceValue(DictValue attributes) : ValueObject(ValueKind.Namespace, "Namespace")
{
    public DictValue Attributes { get; } = attributes;

    public override bool Truth(RenderState state) => true;

    public override Value? Attribute(RenderState state, string name) =>
        Attributes.TryGet(state, name, out Value value) ? value : null;

    public override void Represent(Formatting.Printer printer)
    {
        printer.Append("<Namespace ");
        printer.Represent(Value.Of(Attributes));
        printer.Append(">");
    }
}
