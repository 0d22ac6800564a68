using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary><c>callee(…)</c>.</summary>
internal sealed class CallExpression(int line, Expression callee, ArgumentList arguments) : Expression(line)
{
    public override IEnumerable<Node> Children => [callee, .. arguments.Children];

    public override Value Evaluate(Frame frame) => callee is AttributeExpression method
        ? method.Call(frame, arguments)
        : Operations.Call(frame.State, callee.Evaluate(frame), arguments.Evaluate(frame));

    /// <summary>The call of a <c>{% call %}</c> tag, which passes the tag's body as <c>caller</c>.</summary>
    public Value Evaluate(Frame frame, Value caller)
    {
        Value function = callee.Evaluate(frame);
        Arguments given = arguments.Evaluate(frame);
        if (given.TryGetNamed("caller", out _))
        {
            throw new TemplateException("a call block passes 'caller' itself");
        }
        return Operations.Call(frame.State, function, new Arguments(given.Positional, [.. given.Named, new NamedValue("caller", caller)]));
    }
}

/// <summary>What stands in the parentheses of a call, a filter or a test.</summary>
internal sealed class ArgumentList(
    Expression[] positional, (string Name, Expression Value)[] named, Expression? morePositional, Expression? moreNamed)
{
    public static readonly ArgumentList Empty = new([], [], null, null);

    public IEnumerable<Node> Children =>
        [.. positional, .. named.Select(argument => argument.Value), .. new Node?[] { morePositional, moreNamed }.OfType<Node>()];

    public Arguments Evaluate(Frame frame)
    {
        if (ReferenceEquals(this, Empty))
        {
            return Arguments.None;
        }
        var values = new Value[positional.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = positional[i].Evaluate(frame);
        }
        NamedValue[] names = named.Length == 0 ? [] : Array.ConvertAll(named, item => new NamedValue(item.Name, item.Value.Evaluate(frame)));
        if (morePositional is not null)
        {
            values = [.. values, .. Iteration.ToList(frame.State, morePositional.Evaluate(frame))];
        }
        if (moreNamed is not null)
        {
            names = [.. names, .. Unpack(frame.State, moreNamed.Evaluate(frame), names)];
        }
        return new Arguments(values, names);
    }

    private static IEnumerable<NamedValue> Unpack(RenderState state, Value mapping, NamedValue[] given)
    {
        if (mapping.Kind != ValueKind.Dict)
        {
            throw new TemplateException($"argument after ** must be a mapping, not {Operations.TypeName(mapping)}");
        }
        state.Budget.AllocateItems(mapping.AsDict.Count);
        foreach ((Value key, Value value) in mapping.AsDict.Entries)
        {
            if (!key.IsString)
            {
                throw new TemplateException("keywords must be strings");
            }
            if (given.Any(argument => argument.Name == key.AsString))
            {
                throw new TemplateException($"got multiple values for keyword argument '{key.AsString}'");
            }
            yield return new NamedValue(key.AsString, value);
        }
    }
}
