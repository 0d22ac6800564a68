using System.Text;
using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Patterns;

/// <summary>Characters that differ in case only, one for one.</summary>
internal static class CaseFolding
{
    // Pairs that a case-insensitive match may take for one character (ß, ﬁ, ﬆ…); patterns with them are refused rather than got wrong.
    public static readonly string[] Digraphs = ["ss", "ff", "fi", "fl", "st"];

    private static readonly Lazy<Dictionary<int, List<int>>> ByFold = new(() =>
    {
        var byFold = new Dictionary<int, List<int>>();
        for (int codePoint = 0; codePoint < CodePointSet.Limit; codePoint++)
        {
            if (codePoint is >= 0xD800 and < 0xE000)
            {
                continue;
            }
            int fold = Fold(codePoint);
            if (fold != codePoint)
            {
                if (!byFold.TryGetValue(fold, out List<int>? members))
                {
                    byFold[fold] = members = [fold];
                }
                members.Add(codePoint);
            }
        }
        return byFold;
    });

    /// <summary>The set with everything that differs from a member in case only.</summary>
    public static CodePointSet Close(CodePointSet set)
    {
        CodePointSet result = set;
        if (set.IsAscii)
        {
            foreach (int c in set.Members())
            {
                result = char.IsAsciiLetter((char)c) ? result.Union(CodePointSet.Of(c ^ 0x20)) : result;
                result = (c | 0x20) == 's' ? result.Union(CodePointSet.Of(0x17F)) : result;
                result = (c | 0x20) == 'k' ? result.Union(CodePointSet.Of(0x212A)) : result;
            }
            return result;
        }
        foreach (List<int> members in ByFold.Value.Values)
        {
            if (members.Exists(set.Contains))
            {
                members.ForEach(member => result = set.Contains(member) ? result : result.Union(CodePointSet.Of(member)));
            }
        }
        return result;
    }

    private static int Fold(int codePoint) =>
        codePoint == 0x17F ? 's' : Rune.ToLowerInvariant(Rune.ToUpperInvariant(new Rune(codePoint))).Value;
}
