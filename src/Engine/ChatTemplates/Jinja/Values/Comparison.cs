namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>Python's comparison operators by their symbol.</summary>
internal static class Comparison
{
    public static bool Holds(RenderState state, string symbol, Value left, Value right) => symbol switch
    {
        "==" => state.Equality.Equals(left, right),
        "!=" => !state.Equality.Equals(left, right),
        "<" => Operations.Compare(state, left, right, symbol) < 0,
        "<=" => Operations.Compare(state, left, right, symbol) <= 0,
        ">" => Operations.Compare(state, left, right, symbol) > 0,
        ">=" => Operations.Compare(state, left, right, symbol) >= 0,
        "in" => Operations.Contains(state, right, left),
        "not in" => !Operations.Contains(state, right, left),
        _ => throw new ArgumentOutOfRangeException(nameof(symbol), symbol, null),
    };
}
