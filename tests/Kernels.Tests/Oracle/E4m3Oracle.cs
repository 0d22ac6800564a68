namespace KServePaged.Kernels.Tests.Oracle;

/// <summary>The e4m3 numbers as include/kp/linear.h lists them, and rounding by looking through all of them.</summary>
internal static class E4m3Oracle
{
    public const float Largest = 448;

    /// <summary>What the codes without sign stand for, by code; rising.</summary>
    public static IReadOnlyList<float> Magnitudes { get; } = [.. Enumerable.Range(0, 127).Select(code => (float)Decode(code))];

    /// <summary>The nearest number, of two that are as near the one whose code is even.</summary>
    public static float Round(float value)
    {
        double magnitude = Math.Min(Math.Abs((double)value), Largest);
        int nearest = Enumerable.Range(0, Magnitudes.Count).MinBy(code => (Math.Abs(Magnitudes[code] - magnitude), code % 2));
        return MathF.CopySign(Magnitudes[nearest], value);
    }

    private static double Decode(int code)
    {
        int e = code >> 3;
        double m = (code & 7) / 8.0;
        return e == 0 ? Math.ScaleB(m, -6) : Math.ScaleB(1 + m, e - 7);
    }
}
