using KServePaged.Engine.ChatTemplates.Jinja.Formatting;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary>Python's questions about a whole text.</summary>
internal static class StringPredicates
{
    public static bool All(string text, Func<int, bool> predicate)
    {
        for (int i = 0; i < text.Length; i += CodePoints.LengthAt(text, i))
        {
            if (!predicate(CodePoints.At(text, i)))
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>No capital, and at least one small letter.</summary>
    public static bool IsLower(string text) =>
        All(text, code => !Characters.IsUpper(code) && !Characters.IsTitle(code)) && !All(text, code => !Characters.IsLower(code));

    public static bool IsUpper(string text) =>
        All(text, code => !Characters.IsLower(code) && !Characters.IsTitle(code)) && !All(text, code => !Characters.IsUpper(code));

    /// <summary>Capitals only after what has no case, small letters only after letters.</summary>
    public static bool IsTitle(string text)
    {
        bool inWord = false;
        bool found = false;
        bool holds = All(text, code =>
        {
            bool isCapital = Characters.IsUpper(code) || Characters.IsTitle(code);
            bool isCased = isCapital || Characters.IsLower(code);
            bool fits = !isCased || isCapital != inWord;
            inWord = isCased;
            found |= isCased;
            return fits;
        });
        return holds && found;
    }

    public static bool IsIdentifier(string text) =>
        text.Length > 0 && Characters.IsIdentifierStart(CodePoints.At(text, 0)) && All(text, Characters.IsIdentifierPart);
}
