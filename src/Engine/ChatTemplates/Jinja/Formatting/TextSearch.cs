namespace KServePaged.Engine.ChatTemplates.Jinja.Formatting;

/// <summary>
/// Finding text in text, in UTF-16 offsets. The vectorised search of the runtime is quadratic for long patterns that nearly match
/// everywhere; from a certain length on a linear one is used. Only what was looked at is paid for.
/// </summary>
internal static class TextSearch
{
    private const int LongPattern = 32;

    /// <summary>The first occurrence that lies within [start, end), or -1.</summary>
    public static int IndexOf(RenderState state, string text, string pattern, int start, int end)
    {
        if (start > end || end - start < pattern.Length)
        {
            return -1;
        }
        ReadOnlySpan<char> window = text.AsSpan(start, end - start);
        int found = pattern.Length <= LongPattern
            ? window.IndexOf(pattern, StringComparison.Ordinal)
            : FindLong(window, pattern, backward: false);
        state.Budget.Scan((found < 0 ? window.Length : found) + pattern.Length);
        return found < 0 ? -1 : start + found;
    }

    /// <summary>The last occurrence that lies within [start, end), or -1.</summary>
    public static int LastIndexOf(RenderState state, string text, string pattern, int start, int end)
    {
        if (start > end || end - start < pattern.Length)
        {
            return -1;
        }
        ReadOnlySpan<char> window = text.AsSpan(start, end - start);
        int found = window.Length;
        if (pattern.Length <= LongPattern)
        {
            found = pattern.Length == 0 ? window.Length : window.LastIndexOf(pattern, StringComparison.Ordinal);
        }
        else
        {
            int fromEnd = FindLong(window, pattern, backward: true);
            found = fromEnd < 0 ? -1 : window.Length - fromEnd - pattern.Length;
        }
        state.Budget.Scan((found < 0 ? window.Length : window.Length - found) + pattern.Length);
        return found < 0 ? -1 : start + found;
    }

    /// <summary>Knuth, Morris and Pratt: never looks at a character of the text twice.</summary>
    /// <returns>Distance of the first match from the end at which the search begins, or -1.</returns>
    private static int FindLong(ReadOnlySpan<char> text, ReadOnlySpan<char> pattern, bool backward)
    {
        int[] fallback = new int[pattern.Length];
        for (int i = 1, matched = 0; i < pattern.Length; i++)
        {
            char unit = At(pattern, i, backward);
            while (matched > 0 && unit != At(pattern, matched, backward))
            {
                matched = fallback[matched - 1];
            }
            fallback[i] = matched += unit == At(pattern, matched, backward) ? 1 : 0;
        }
        for (int i = 0, matched = 0; i < text.Length; i++)
        {
            char unit = At(text, i, backward);
            while (matched > 0 && unit != At(pattern, matched, backward))
            {
                matched = fallback[matched - 1];
            }
            matched += unit == At(pattern, matched, backward) ? 1 : 0;
            if (matched == pattern.Length)
            {
                return i - matched + 1;
            }
        }
        return -1;
    }

    private static char At(ReadOnlySpan<char> text, int index, bool backward) => backward ? text[text.Length - 1 - index] : text[index];
}
