using System.Text;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Formatting;

/// <summary>
/// Python counts, slices and orders text by code point; .NET stores UTF-16. Text without surrogates, which is nearly all, needs no
/// conversion, and the vectorised look for one is cheap.
/// </summary>
internal static class CodePoints
{
    private static readonly string[] Ascii = [.. Enumerable.Range(0, 128).Select(code => ((char)code).ToString())];

    public static int Count(RenderState state, string text)
    {
        state.Budget.Scan(text.Length);
        return HasSurrogates(text) ? Starts(state, text).Count - 1 : text.Length;
    }

    public static bool HasSurrogates(string text) => text.AsSpan().ContainsAnyInRange('\ud800', '\udfff');

    /// <summary>Order by code point: UTF-16 order differs between surrogates and U+E000 to U+FFFF.</summary>
    public static int Compare(string left, string right)
    {
        int same = left.AsSpan().CommonPrefixLength(right);
        if (same == left.Length || same == right.Length)
        {
            return left.Length.CompareTo(right.Length);
        }
        return Rank(left[same]).CompareTo(Rank(right[same]));

        static int Rank(char unit) => char.IsSurrogate(unit) ? unit + 0x10000 : unit;
    }

    /// <summary>The character at an index that may count from the end.</summary>
    public static bool TryAt(RenderState state, string text, long index, out string character)
    {
        state.Budget.Scan(text.Length);
        if (!HasSurrogates(text))
        {
            bool found = Subscripts.TryPosition(index, text.Length, out int position);
            character = found ? One(text[position]) : string.Empty;
            return found;
        }
        List<int> starts = Starts(state, text);
        bool exists = Subscripts.TryPosition(index, starts.Count - 1, out int at);
        character = exists ? text[starts[at]..starts[at + 1]] : string.Empty;
        return exists;
    }

    public static string Slice(RenderState state, string text, SliceBounds bounds)
    {
        state.Budget.Allocate(bounds.Count);
        bool wide = HasSurrogates(text);
        if (!wide && bounds.Step == 1)
        {
            return bounds.Count == text.Length ? text : text.Substring((int)bounds.Start, bounds.Count);
        }
        state.Budget.Visit(bounds.Count);
        if (!wide)
        {
            return string.Create(bounds.Count, (text, bounds), static (span, source) =>
            {
                for (int i = 0; i < span.Length; i++)
                {
                    span[i] = source.text[source.bounds.At(i)];
                }
            });
        }
        List<int> starts = Starts(state, text);
        var result = new StringBuilder();
        for (int i = 0; i < bounds.Count; i++)
        {
            int at = bounds.At(i);
            result.Append(text, starts[at], starts[at + 1] - starts[at]);
        }
        return result.ToString();
    }

    public static IEnumerator<Value> Enumerate(string text)
    {
        for (int i = 0; i < text.Length;)
        {
            int length = LengthAt(text, i);
            yield return Value.Of(length == 1 ? One(text[i]) : text.Substring(i, length));
            i += length;
        }
    }

    /// <summary>Where in the text (in UTF-16) the code point of this number begins; the length when it is beyond the end.</summary>
    public static int Offset(RenderState state, string text, long index)
    {
        if (index >= text.Length)
        {
            return text.Length;
        }
        if (!HasSurrogates(text))
        {
            return (int)index;
        }
        state.Budget.Visit(text.Length);
        int offset = 0;
        for (long i = 0; i < index && offset < text.Length; i++)
        {
            offset += LengthAt(text, offset);
        }
        return offset;
    }

    /// <summary>How many code points stand before a UTF-16 offset.</summary>
    public static int IndexOf(RenderState state, string text, int offset)
    {
        if (!HasSurrogates(text))
        {
            return offset;
        }
        state.Budget.Visit(offset);
        int index = 0;
        for (int i = 0; i < offset; i += LengthAt(text, i))
        {
            index++;
        }
        return index;
    }

    /// <summary>UTF-16 units of the code point that begins here; a surrogate without its partner is one.</summary>
    public static int LengthAt(string text, int offset) =>
        char.IsHighSurrogate(text[offset]) && offset + 1 < text.Length && char.IsLowSurrogate(text[offset + 1]) ? 2 : 1;

    /// <summary>The code point that begins here.</summary>
    public static int At(string text, int offset) =>
        LengthAt(text, offset) == 2 ? char.ConvertToUtf32(text[offset], text[offset + 1]) : text[offset];

    /// <summary>Text of one code point, a lone surrogate included.</summary>
    public static string From(int codePoint) =>
        codePoint > 0xffff ? char.ConvertFromUtf32(codePoint) : One((char)codePoint);

    private static string One(char unit) => unit < Ascii.Length ? Ascii[unit] : unit.ToString();

    /// <summary>The offsets at which code points begin, and the length at the end.</summary>
    private static List<int> Starts(RenderState state, string text)
    {
        state.Budget.Visit(text.Length);
        var starts = new List<int>(text.Length + 1);
        for (int i = 0; i < text.Length; i += LengthAt(text, i))
        {
            starts.Add(i);
        }
        starts.Add(text.Length);
        return starts;
    }
}
