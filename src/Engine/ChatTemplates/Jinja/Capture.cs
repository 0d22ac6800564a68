using System.Text;

namespace KServePaged.Engine.ChatTemplates.Jinja;

/// <summary>The output that was being written when a macro or block began to collect its own.</summary>
internal readonly record struct Capture(StringBuilder Outer);
