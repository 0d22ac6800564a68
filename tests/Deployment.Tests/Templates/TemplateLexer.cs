using System.Text.RegularExpressions;

namespace KServePaged.Deployment.Tests.Templates;

/// <summary>Text and actions of a template; the words of an action.</summary>
internal static partial class TemplateLexer
{
    /// <returns>Pieces in order: text as it is, or the inside of an action. Trim markers are applied and comments dropped.</returns>
    public static List<(bool IsAction, string Text)> Split(string template)
    {
        var pieces = new List<(bool, string)>();
        bool trimNext = false;
        int at = 0;
        while (at <= template.Length)
        {
            int open = template.IndexOf("{{", at, StringComparison.Ordinal);
            string text = template[at..(open < 0 ? template.Length : open)];
            bool trimsBefore = open >= 0 && open + 3 < template.Length && template[open + 2] == '-' && char.IsWhiteSpace(template[open + 3]);
            text = trimNext ? text.TrimStart() : text;
            pieces.Add((false, trimsBefore ? text.TrimEnd() : text));
            if (open < 0)
            {
                return pieces;
            }
            int start = open + (trimsBefore ? 3 : 2);
            int close = EndOfAction(template, start);
            trimNext = template[close - 1] == '-' && close - 2 >= start && char.IsWhiteSpace(template[close - 2]);
            string action = template[start..(trimNext ? close - 1 : close)].Trim();
            if (!action.StartsWith("/*", StringComparison.Ordinal))
            {
                pieces.Add((true, action));
            }
            at = close + 2;
        }
        return pieces;
    }

    public static List<string> Words(string action)
    {
        var words = new List<string>();
        for (int at = 0; at < action.Length;)
        {
            Match word = Word().Match(action, at);
            if (!word.Success)
            {
                throw new TemplateException($"unexpected {action[at..]} in {{{{ {action} }}}}");
            }
            if (!string.IsNullOrWhiteSpace(word.Value))
            {
                words.Add(word.Value);
            }
            else if (words.Count > 0 && words[^1] != " ")
            {
                words.Add(" "); // ".a .b" and ".a.b" differ
            }
            at += word.Length;
        }
        return words;
    }

    private static int EndOfAction(string template, int start)
    {
        for (int at = start; at < template.Length - 1; at++)
        {
            if (template[at] is '"' or '`')
            {
                Match quoted = Quoted().Match(template, at);
                if (!quoted.Success)
                {
                    throw new TemplateException("unterminated quoted string");
                }
                at += quoted.Length - 1;
            }
            else if (template[at] == '}' && template[at + 1] == '}')
            {
                return at;
            }
        }
        throw new TemplateException("unclosed action");
    }

    [GeneratedRegex(@"\G(?:""(?:[^""\\\n]|\\.)*""|`[^`]*`)")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\G(?:\s+|""(?:[^""\\\n]|\\.)*""|`[^`]*`|\$\w*|:=|-?[0-9]+(?:\.[0-9]+)?|\w+|[.|(),=])")]
    private static partial Regex Word();
}
