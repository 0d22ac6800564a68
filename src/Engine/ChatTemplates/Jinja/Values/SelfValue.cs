using KServePaged.Engine.ChatTemplates.Jinja.Nodes;

namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary><c>self</c>: the blocks of the template, to print one again with <c>self.name()</c>.</summary>
internal sealed class SelfValue(IReadOnlyDictionary<string, BlockStatement> blocks) : ValueObject(ValueKind.Object, "TemplateReference")
{
    public override Value? Attribute(RenderState state, string name) => blocks.TryGetValue(name, out BlockStatement? block)
        ? Value.Of(new FunctionValue(name, (_, _, arguments) =>
        {
            new ArgumentReader(name, arguments).End();
            return block.Print(state);
        }))
        : null;

    public override void Represent(Formatting.Printer printer) => printer.Append("<TemplateReference None>");
}
