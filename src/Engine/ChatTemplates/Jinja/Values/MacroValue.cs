using KServePaged.Engine.ChatTemplates.Jinja.Nodes;

namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>A macro together with the frame it was defined in.</summary>
internal sealed class MacroValue(MacroDefinition definition, Frame outer) : ValueObject(ValueKind.Object, "Macro")
{
    // What a macro prints is escaped as it was where the macro stands, not where it is called.
    private readonly bool _autoEscape = outer.State.AutoEscape;

    public override bool IsCallable => true;

    public override Value Call(RenderState state, Arguments arguments)
    {
        state.Budget.Enter();
        var frame = new Frame(state, outer, definition.Scope.SlotCount);
        definition.Prologue.Run(frame);
        Bind(state, frame, arguments);
        bool before = state.AutoEscape;
        state.AutoEscape = _autoEscape;
        Capture capture = state.BeginCapture();
        Statement.ExecuteAll(definition.Body, frame);
        state.AutoEscape = before;
        Value text = state.EndCapture(capture);
        state.Budget.Leave();
        return text;
    }

    public override Value? Attribute(RenderState state, string name) => name switch
    {
        "name" => definition.Name is null ? Value.None : Value.Of(definition.Name),
        "arguments" => Value.Of(new TupleValue([.. definition.Parameters.Select(parameter => Value.Of(parameter.Name))])),
        "caller" => Value.Of(definition.CallerSlot >= 0),
        "catch_kwargs" => Value.Of(definition.NamedSlot >= 0),
        "catch_varargs" => Value.Of(definition.PositionalSlot >= 0),
        _ => null,
    };

    public override void Represent(Formatting.Printer printer) =>
        printer.Append(definition.Name is null ? "<Macro anonymous>" : $"<Macro '{definition.Name}'>");

    private void Bind(RenderState state, Frame frame, Arguments arguments)
    {
        List<NamedValue> named = [.. arguments.Named];
        NameTarget[] parameters = definition.Parameters;
        for (int i = 0; i < parameters.Length; i++)
        {
            if (i < arguments.Positional.Length)
            {
                parameters[i].Assign(frame, arguments.Positional[i]);
            }
            else if (Take(named, parameters[i].Name) is Value value)
            {
                parameters[i].Assign(frame, value);
            }
        }
        if (definition.CallerSlot >= 0 && parameters.All(parameter => parameter.Name != "caller"))
        {
            frame.Slots[definition.CallerSlot] = Take(named, "caller") is { IsNone: false } caller
                ? caller
                : UndefinedValue.Hinted("No caller defined");
        }
        BindRest(state, frame, arguments, named);
        for (int i = 0; i < parameters.Length; i++)
        {
            if (parameters[i].Read(frame).IsMissing)
            {
                parameters[i].Assign(frame, definition.DefaultOf(i)?.Evaluate(frame)
                    ?? UndefinedValue.Hinted($"parameter '{parameters[i].Name}' was not provided"));
            }
        }
    }

    /// <summary>What no parameter took goes to <c>kwargs</c> and <c>varargs</c>, or is refused.</summary>
    private void BindRest(RenderState state, Frame frame, Arguments arguments, List<NamedValue> named)
    {
        if (definition.NamedSlot >= 0)
        {
            var rest = new DictValue(named.Count);
            foreach (NamedValue argument in named)
            {
                rest.Set(state, argument.Name, argument.Value);
            }
            frame.Slots[definition.NamedSlot] = Value.Of(rest);
        }
        else if (named.Count > 0)
        {
            throw new TemplateException(named.Any(argument => argument.Name == "caller")
                ? $"macro '{definition.Name}' was invoked with two values for the special caller argument"
                : $"macro '{definition.Name}' takes no keyword argument '{named[0].Name}'");
        }
        if (definition.PositionalSlot >= 0)
        {
            frame.Slots[definition.PositionalSlot] = Value.Of(new TupleValue(arguments.Skip(definition.Parameters.Length).Positional));
        }
        else if (arguments.Positional.Length > definition.Parameters.Length)
        {
            throw new TemplateException($"macro '{definition.Name}' takes not more than {definition.Parameters.Length} argument(s)");
        }
    }

    private static Value? Take(List<NamedValue> named, string name)
    {
        int index = named.FindIndex(argument => argument.Name == name);
        if (index < 0)
        {
            return null;
        }
        Value value = named[index].Value;
        named.RemoveAt(index);
        return value;
    }
}
