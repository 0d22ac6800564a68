using System.Globalization;

namespace KServePaged.Engine.ChatTemplates.Jinja.Formatting;

/// <summary>Python's classes of characters.</summary>
internal static class Characters
{
    /// <summary>What <c>strip</c>, <c>split</c> and the tags' whitespace control take for whitespace; more than .NET does.</summary>
    public static bool IsSpace(int code) => code < 0x80
        ? code is ' ' or (>= '\t' and <= '\r') or (>= 0x1c and <= 0x1f)
        : code <= 0xffff && char.IsWhiteSpace((char)code);

    /// <summary>Where <c>splitlines</c> cuts.</summary>
    public static bool IsLineBreak(char unit) =>
        unit is '\n' or '\r' or '\v' or '\f' or '\u001c' or '\u001d' or '\u001e' or '\u0085' or '\u2028' or '\u2029';

    /// <summary>What <c>repr</c> writes as it is.</summary>
    public static bool IsPrintable(int code) => code == ' ' || Category(code) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.SpaceSeparator);

    public static bool IsAlpha(int code) => Category(code) is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter
        or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter;

    public static bool IsDecimal(int code) => Category(code) == UnicodeCategory.DecimalDigitNumber;

    public static bool IsDigit(int code) => DigitValue(code) >= 0;

    public static bool IsNumeric(int code) => NumericValue(code) != -1;

    public static bool IsUpper(int code) => Category(code) == UnicodeCategory.UppercaseLetter
        || code is (>= 0x2160 and <= 0x216f) or (>= 0x24b6 and <= 0x24cf) or (>= 0x1f130 and <= 0x1f149)
            or (>= 0x1f150 and <= 0x1f169) or (>= 0x1f170 and <= 0x1f189);

    public static bool IsLower(int code) => Category(code) == UnicodeCategory.LowercaseLetter
        || code is 0xaa or 0xba or (>= 0x2b0 and <= 0x2b8) or 0x2c0 or 0x2c1 or (>= 0x2e0 and <= 0x2e4) or 0x345 or 0x37a
            or (>= 0x1d2c and <= 0x1d6a) or 0x1d78 or (>= 0x1d9b and <= 0x1dbf) or 0x2071 or 0x207f or (>= 0x2090 and <= 0x209c)
            or (>= 0x2170 and <= 0x217f) or (>= 0x24d0 and <= 0x24e9) or 0x2c7c or 0x2c7d or 0xa69c or 0xa69d or 0xa770 or 0xa7f8
            or 0xa7f9 or (>= 0xab5c and <= 0xab5f);

    public static bool IsTitle(int code) => Category(code) == UnicodeCategory.TitlecaseLetter;

    public static bool IsIdentifierStart(int code) => code == '_' || IsAlpha(code) || Category(code) == UnicodeCategory.LetterNumber;

    public static bool IsIdentifierPart(int code) => IsIdentifierStart(code) || Category(code) is UnicodeCategory.DecimalDigitNumber
        or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.ConnectorPunctuation;

    /// <summary>What a regular expression's <c>\w</c> matches.</summary>
    public static bool IsWord(int code) => code == '_' || IsAlpha(code) || IsNumeric(code);

    /// <returns>0 to 9 for decimal digits of any script, else -1.</returns>
    public static int DecimalValue(int code) => IsDecimal(code) ? (int)NumericValue(code) : -1;

    public static UnicodeCategory Category(int code) => CharUnicodeInfo.GetUnicodeCategory(code);

    private static int DigitValue(int code) => code <= 0xffff
        ? CharUnicodeInfo.GetDigitValue((char)code)
        : CharUnicodeInfo.GetDigitValue(char.ConvertFromUtf32(code), 0);

    private static double NumericValue(int code) => code <= 0xffff
        ? CharUnicodeInfo.GetNumericValue((char)code)
        : CharUnicodeInfo.GetNumericValue(char.ConvertFromUtf32(code), 0);
}
