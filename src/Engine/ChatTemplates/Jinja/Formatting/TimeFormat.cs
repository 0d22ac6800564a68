using System.Globalization;
using System.Text;

namespace KServePaged.Engine.ChatTemplates.Jinja.Formatting;

/// <summary>Python's <c>strftime</c> in the C locale, with the GNU flags that templates use (<c>%-d</c>).</summary>
internal static class TimeFormat
{
    public static string Format(RenderState state, string format)
    {
        DateTimeOffset time = state.Now;
        var result = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                result.Append(format[i]);
                continue;
            }
            char flag = format[++i] is '-' or '_' or '0' or '^' or '#' && i + 1 < format.Length ? format[i++] : '\0';
            result.Append(Flagged(Field(time, format[i]) ?? $"%{(flag == 0 ? string.Empty : flag)}{format[i]}", flag));
        }
        state.Budget.Allocate(result.Length);
        return result.ToString();
    }

    private static string Flagged(string text, char flag) => flag switch
    {
        '-' => text.TrimStart('0', ' ') is { Length: > 0 } trimmed && char.IsAsciiDigit(text[^1]) ? trimmed : char.IsAsciiDigit(text[^1]) ? "0" : text,
        '_' => text.Length > 1 && text[0] == '0' ? " " + text[1..] : text,
        '0' => text.Replace(' ', '0'),
        '^' or '#' => text.ToUpperInvariant(),
        _ => text,
    };

    private static string? Field(DateTimeOffset time, char field) => field switch
    {
        'a' => Text(time, "ddd"),
        'A' => Text(time, "dddd"),
        'b' or 'h' => Text(time, "MMM"),
        'B' => Text(time, "MMMM"),
        'c' => $"{Text(time, "ddd MMM")} {time.Day,2} {Text(time, "HH:mm:ss yyyy")}",
        'C' => Two(time.Year / 100),
        'd' => Two(time.Day),
        'D' or 'x' => Text(time, "MM'/'dd'/'yy"),
        'e' => $"{time.Day,2}",
        'f' => Text(time, "ffffff"),
        'F' => Text(time, "yyyy-MM-dd"),
        'g' => Two(ISOWeek.GetYear(time.DateTime) % 100),
        'G' => ISOWeek.GetYear(time.DateTime).ToString(CultureInfo.InvariantCulture),
        'H' => Two(time.Hour),
        'I' => Two(Hour12(time)),
        'j' => time.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
        'k' => $"{time.Hour,2}",
        'l' => $"{Hour12(time),2}",
        'm' => Two(time.Month),
        'M' => Two(time.Minute),
        'n' => "\n",
        'p' => time.Hour < 12 ? "AM" : "PM",
        'P' => time.Hour < 12 ? "am" : "pm",
        'r' => $"{Two(Hour12(time))}:{Text(time, "mm:ss")} {(time.Hour < 12 ? "AM" : "PM")}",
        'R' => Text(time, "HH:mm"),
        's' => time.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
        'S' => Two(time.Second),
        't' => "\t",
        'T' or 'X' => Text(time, "HH:mm:ss"),
        'u' => time.DayOfWeek == DayOfWeek.Sunday ? "7" : $"{(int)time.DayOfWeek}",
        'U' => Two((time.DayOfYear + 6 - (int)time.DayOfWeek) / 7),
        'V' => Two(ISOWeek.GetWeekOfYear(time.DateTime)),
        'w' => $"{(int)time.DayOfWeek}",
        'W' => Two((time.DayOfYear + 6 - (((int)time.DayOfWeek + 6) % 7)) / 7),
        'y' => Two(time.Year % 100),
        'Y' => time.Year.ToString(CultureInfo.InvariantCulture),
        'z' or 'Z' => string.Empty, // datetime.now() has no time zone
        '%' => "%",
        _ => null,
    };

    private static int Hour12(DateTimeOffset time) => time.Hour % 12 is var hour && hour == 0 ? 12 : hour;

    private static string Two(int number) => number.ToString("00", CultureInfo.InvariantCulture);

    private static string Text(DateTimeOffset time, string format) => time.ToString(format, CultureInfo.InvariantCulture);
}
