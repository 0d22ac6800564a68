namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>A function of the environment, or a method bound to its value.</summary>
internal sealed class FunctionValue(string name, Operation operation, Value self = default) : ValueObject(ValueKind.Object, "function")
{
    public override bool IsCallable => true;

    public override Value Call(RenderState state, Arguments arguments) => operation(state, self, arguments);

    public override void Represent(Formatting.Printer printer) => printer.Append($"<function {name}>");
}
