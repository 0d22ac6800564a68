namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>The evaluated arguments of one call.</summary>
internal readonly struct Arguments(Value[] positional, NamedValue[] named)
{
    public static readonly Arguments None = new([], []);

    public Value[] Positional { get; } = positional;

    public NamedValue[] Named { get; } = named;

    public bool TryGetNamed(string name, out Value value)
    {
        foreach (NamedValue argument in Named)
        {
            if (argument.Name == name)
            {
                value = argument.Value;
                return true;
            }
        }
        value = default;
        return false;
    }

    /// <summary>These arguments without the first positional ones.</summary>
    public Arguments Skip(int count) => new(Positional[Math.Min(count, Positional.Length)..], Named);
}

internal readonly record struct NamedValue(string Name, Value Value);
