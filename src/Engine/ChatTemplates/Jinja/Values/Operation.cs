namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>A filter, test or method: what it is applied to, and what stands in its parentheses. A test answers with a Boolean.</summary>
internal delegate Value Operation(RenderState state, Value subject, Arguments arguments);
