using KServePaged.Engine.Kernels;

namespace KServePaged.Kernels.Tests.Harness;

internal static class Products
{
    /// <summary>y = x · Wᵀ + bias, stored.</summary>
    public static void Linear(
        this DeviceStream stream, PackedLinear linear, nint x, ElementType xType, long xStride, long rows, nint bias, nint y, long yStride) =>
        stream.Linear(linear, new LinearArguments { X = x, XType = xType, XStride = xStride, Rows = rows, Bias = bias, Y = y, YStride = yStride });
}
