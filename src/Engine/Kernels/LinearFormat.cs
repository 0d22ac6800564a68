using System.Runtime.InteropServices;

namespace KServePaged.Engine.Kernels;

/// <summary>kp_linear_format of include/kp/linear.h, which says what the numbers are: how a matrix is stored and multiplied.</summary>
[StructLayout(LayoutKind.Sequential)]
internal record struct LinearFormat
{
    /// <summary>Type of plain weights; of quantized ones what they stand for, which chooses the type of the inputs.</summary>
    public required ElementType Type;

    /// <summary>0 = plain weights, and nothing else is set; 8 or 4 = codes of so many bits.</summary>
    public int Bits;

    /// <summary>1 = codes are e4m3 numbers instead of integers; with 8 bits only, and not on a CPU.</summary>
    public int FloatCodes;

    /// <summary>Input features that share a scale: 32, 64, 128 or 256; 0 = the whole row.</summary>
    public int Group;

    /// <summary>In which scales are kept.</summary>
    public ElementType ScaleType;

    /// <summary>1 = each group has one; with 4 bits only.</summary>
    public int ZeroPoints;

    /// <summary>1 = inputs are quantized to 8 bits, one scale a row.</summary>
    public int DynamicInputs;

    /// <summary>1 = the rows are gates, then as many ups, so that a product may end with <see cref="Epilogue.Gate"/>.</summary>
    public int Gated;

    public static LinearFormat Plain(ElementType type) => new() { Type = type };
}
