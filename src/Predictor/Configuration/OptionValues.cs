using System.Globalization;

namespace KServePaged.Predictor.Configuration;

/// <summary>Text of the command line to values. Each throws <see cref="FormatException"/> that says what is allowed.</summary>
internal static class OptionValues
{
    private static readonly (string Unit, long Bytes)[] Units =
    [
        ("tib", 1L << 40), ("gib", 1L << 30), ("mib", 1L << 20), ("kib", 1L << 10),
        ("ti", 1L << 40), ("gi", 1L << 30), ("mi", 1L << 20), ("ki", 1L << 10),
        ("tb", 1_000_000_000_000), ("gb", 1_000_000_000), ("mb", 1_000_000), ("kb", 1_000),
        ("t", 1_000_000_000_000), ("g", 1_000_000_000), ("m", 1_000_000), ("k", 1_000), ("b", 1), ("", 1),
    ];

    public static bool? TryBoolean(string text) => text.ToLowerInvariant() switch
    {
        "true" or "1" or "yes" or "on" => true,
        "false" or "0" or "no" or "off" => false,
        _ => null,
    };

    public static bool Boolean(string text) => TryBoolean(text) ?? throw new FormatException("true or false");

    public static long Integer(string text, long min, long max) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) && value >= min && value <= max
            ? value
            : throw new FormatException(max == long.MaxValue || max == int.MaxValue
                ? $"a whole number of at least {min}"
                : $"a whole number from {min} to {max}");

    /// <summary>A count with vLLM's suffixes: k = 1000, K = 1024, m = 10^6, M = 2^20.</summary>
    public static int Count(string text, int min, int max)
    {
        (string digits, int factor) = text switch
        {
            [.. var head, 'k'] => (head, 1000),
            [.. var head, 'K'] => (head, 1024),
            [.. var head, 'm'] => (head, 1_000_000),
            [.. var head, 'M'] => (head, 1 << 20),
            _ => (text, 1),
        };
        return factor == 1
            ? (int)Integer(text, min, max)
            : (int)Integer((Integer(digits, 0, max) * factor).ToString(CultureInfo.InvariantCulture), min, max);
    }

    public static double Fraction(string text, double min, double max) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value >= min && value <= max
            ? value
            : throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"a number from {min} to {max}"));

    public static TimeSpan Seconds(string text, double max) => TimeSpan.FromSeconds(Fraction(text.TrimEnd('s'), 0, max));

    /// <summary>"8GiB", "512Mi", "2GB", "1000000": binary units with an i, decimal ones without.</summary>
    public static long Bytes(string text)
    {
        string lower = text.ToLowerInvariant();
        foreach ((string unit, long bytes) in Units)
        {
            if (lower.EndsWith(unit, StringComparison.Ordinal)
                && decimal.TryParse(lower[..^unit.Length].Trim(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number)
                && number > 0 && number < long.MaxValue / bytes)
            {
                return (long)(number * bytes);
            }
        }
        throw new FormatException("a size above zero such as 8GiB, 512Mi or 2GB");
    }

    public static string Choice(string text, params string[] allowed) =>
        allowed.Contains(text, StringComparer.OrdinalIgnoreCase)
            ? text.ToLowerInvariant()
            : throw new FormatException(allowed.Length == 1 ? $"only {allowed[0]}" : "one of " + string.Join(", ", allowed));

    public static string ShowBytes(long bytes)
    {
        (string unit, long size) = bytes switch
        {
            >= 1L << 30 => ("GiB", 1L << 30),
            >= 1L << 20 => ("MiB", 1L << 20),
            >= 1L << 10 => ("KiB", 1L << 10),
            _ => ("B", 1L),
        };
        return string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)size:0.##}{unit}");
    }
}
