using KServePaged.Engine.ChatTemplates.Jinja;
using KServePaged.Engine.ChatTemplates.Jinja.Library;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates;

/// <summary>
/// How transformers leaves the last message open: a tag behind its content goes through the template, and the text is cut there.
/// </summary>
/// <param name="Messages">The conversation with the tag.</param>
/// <param name="Content">The content that is continued.</param>
internal readonly record struct FinalMessage(RenderState State, Value Messages, string Content)
{
    public const string Field = "content";

    private const string TrimmedTag = "CONTINUE_FINAL_MESSAGE_TAG";
    private const string Tag = TrimmedTag + " "; // the blank tells whether the template trims the content

    /// <param name="messages">The messages, a list.</param>
    /// <param name="templateUsesContent">Whether the template mentions the field at all.</param>
    /// <exception cref="TemplateException">There is nothing to continue.</exception>
    public static FinalMessage Mark(RenderState state, Value messages, bool templateUsesContent)
    {
        List<Value> all = Iteration.ToList(state, messages);
        if (all.Count == 0 || all[^1].Kind != ValueKind.Dict || !all[^1].AsDict.TryGet(state, Field, out Value content) || content.IsNone)
        {
            throw new TemplateException("continue_final_message is set but the last message has no content to continue");
        }
        if (!templateUsesContent)
        {
            throw new TemplateException("continue_final_message is set but the chat template does not use the content of messages");
        }
        DictValue last = all[^1].AsDict.Copy(state);
        string text;
        if (content.IsString)
        {
            text = content.AsString;
            last.Set(state, Field, Value.Of(text + Tag));
        }
        else
        {
            (Value parts, text) = MarkParts(state, content);
            last.Set(state, Field, parts);
        }
        all[^1] = Value.Of(last);
        return new FinalMessage(state, Value.Of(new ListValue(all)), text);
    }

    /// <summary>The rendered text up to the tag.</summary>
    /// <exception cref="TemplateException">The template dropped or changed the message.</exception>
    public string Cut(string rendered)
    {
        int at = rendered.LastIndexOf(TrimmedTag, StringComparison.Ordinal);
        if (at < 0 || !rendered.Contains(StringStripping.Strip(State, Content, null), StringComparison.Ordinal))
        {
            throw new TemplateException(
                "continue_final_message is set but the content of the last message does not appear in the rendered chat: the chat template "
                + "drops or changes it");
        }
        bool keepsSpace = string.CompareOrdinal(rendered, at, Tag, 0, Tag.Length) == 0;
        return keepsSpace ? rendered[..at] : StringStripping.Strip(State, rendered[..at], null, left: false);
    }

    /// <summary>Content in parts: the last part with text is the one that is continued.</summary>
    private static (Value Parts, string Text) MarkParts(RenderState state, Value content)
    {
        List<Value> parts = content.Kind == ValueKind.List ? Iteration.ToList(state, content) : [];
        for (int i = parts.Count - 1; i >= 0; i--)
        {
            if (parts[i].Kind == ValueKind.Dict && parts[i].AsDict.TryGet(state, "text", out Value text) && text.IsString)
            {
                DictValue marked = parts[i].AsDict.Copy(state);
                marked.Set(state, "text", Value.Of(text.AsString + Tag));
                parts[i] = Value.Of(marked);
                return (Value.Of(new ListValue(parts)), text.AsString);
            }
        }
        throw new TemplateException("continue_final_message is set but the last message has no text to continue");
    }
}
