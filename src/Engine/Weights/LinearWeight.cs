using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Weights;

/// <summary>A loaded matrix product.</summary>
/// <param name="Matrix">[out, in].</param>
/// <param name="Bias">[out] f32; null = none.</param>
internal sealed record LinearWeight(PackedLinear Matrix, DeviceBuffer? Bias);
