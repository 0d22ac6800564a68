namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>Reads arguments in the order of a Python signature: each is taken by position, else by name, else it has its default.</summary>
internal ref struct ArgumentReader(string function, Arguments arguments)
{
    private int _positionalCount;
    private int _namedCount;

    /// <param name="name">Name of the parameter; empty where Python takes it by position only.</param>
    public Value Required(string name) => TryRead(name, out Value value)
        ? value
        : throw new TemplateException(name.Length == 0
            ? $"{function}() is missing an argument"
            : $"{function}() missing 1 required positional argument: '{name}'");

    public Value Optional(string name, Value fallback = default) => TryRead(name, out Value value) ? value : fallback;

    public bool TryRead(string name, out Value value)
    {
        bool isNamed = arguments.TryGetNamed(name, out value);
        if (_positionalCount < arguments.Positional.Length)
        {
            value = arguments.Positional[_positionalCount++];
            return isNamed ? throw new TemplateException($"{function}() got multiple values for argument '{name}'") : true;
        }
        if (isNamed)
        {
            _namedCount++;
        }
        return isNamed;
    }

    /// <summary>Refuses what no parameter took.</summary>
    public readonly void End()
    {
        if (_positionalCount < arguments.Positional.Length)
        {
            throw new TemplateException($"{function}() takes {_positionalCount} positional arguments but {arguments.Positional.Length} were given");
        }
        if (_namedCount < arguments.Named.Length)
        {
            throw new TemplateException($"{function}() got an unexpected keyword argument");
        }
    }
}
