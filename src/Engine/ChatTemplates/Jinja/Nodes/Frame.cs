using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary>
/// The local variables of one run of a function: the template itself, a macro, a recursive loop. What encloses it is reached through
/// <see cref="Parent"/>, as a Python closure would.
/// </summary>
internal sealed class Frame
{
    public Frame(RenderState state, Frame? parent, int slotCount)
    {
        State = state;
        Parent = parent;
        Slots = new Value[slotCount];
        Array.Fill(Slots, Value.Missing);
    }

    public RenderState State { get; }

    public Frame? Parent { get; }

    public Value[] Slots { get; }

    /// <summary>The frame this many functions further out.</summary>
    public Frame Outer(int hops)
    {
        Frame frame = this;
        for (; hops > 0; hops--)
        {
            frame = frame.Parent!; // the binder counted the hops
        }
        return frame;
    }
}
