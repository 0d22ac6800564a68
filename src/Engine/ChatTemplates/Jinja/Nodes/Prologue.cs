using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary>What happens to the local variables when a scope is entered: see <see cref="Symbols"/>.</summary>
internal sealed class Prologue(Prologue.Load[] loads)
{
    public static readonly Prologue Empty = new([]);

    internal enum LoadKind : byte
    {
        /// <summary>Assigned by who enters the scope.</summary>
        Parameter,

        /// <summary>Looked up among the template's variables.</summary>
        Resolve,

        /// <summary>Copied from an enclosing scope, as this one assigns to it.</summary>
        Alias,

        /// <summary>Not set yet.</summary>
        Undefined,
    }

    public void Run(Frame frame)
    {
        foreach (Load load in loads)
        {
            frame.Slots[load.Slot] = load.Kind switch
            {
                LoadKind.Resolve => frame.State.Resolve(load.Name),
                LoadKind.Alias => frame.Outer(load.SourceHops).Slots[load.SourceSlot],
                _ => Value.Missing,
            };
        }
    }

    internal readonly record struct Load(LoadKind Kind, string Name, int Slot, int SourceHops, int SourceSlot);
}
