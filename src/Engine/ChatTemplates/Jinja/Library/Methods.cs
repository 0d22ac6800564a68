using System.Collections.Frozen;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary>The methods that a template may call, by the type of the value. What is in no table does not exist for a template.</summary>
internal static class Methods
{
    // Jinja's immutable sandbox refuses what would change a value.
    private static readonly FrozenSet<string> ListChanges =
        FrozenSet.Create("append", "extend", "insert", "remove", "reverse", "sort");

    private static readonly FrozenSet<string> DictChanges = FrozenSet.Create("clear", "pop", "popitem", "setdefault", "update");

    /// <returns>The method, or null.</returns>
    public static Operation? Find(ValueKind kind, string name) => TableOf(kind)?.GetValueOrDefault(name);

    /// <summary>Whether Python has an attribute of this name that the sandbox keeps a template from.</summary>
    public static bool IsRefused(ValueKind kind, string name) => kind switch
    {
        ValueKind.List when ListChanges.Contains(name) => true,
        ValueKind.Dict when DictChanges.Contains(name) => true,
        ValueKind.Namespace => false,
        _ => name.Length > 4 && name.StartsWith("__", StringComparison.Ordinal) && name.EndsWith("__", StringComparison.Ordinal),
    };

    private static FrozenDictionary<string, Operation>? TableOf(ValueKind kind) => kind switch
    {
        ValueKind.String => StringMethods.Table,
        ValueKind.Dict => DictMethods.Table,
        ValueKind.List => SequenceMethods.List,
        ValueKind.Tuple => SequenceMethods.Tuple,
        ValueKind.Range => SequenceMethods.Range,
        ValueKind.Boolean or ValueKind.Integer or ValueKind.BigInteger => NumberMethods.Integer,
        ValueKind.Float => NumberMethods.Float,
        _ => null,
    };
}
