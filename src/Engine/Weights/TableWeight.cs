using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Weights;

/// <summary>A loaded table [rows, columns].</summary>
internal sealed record TableWeight(DeviceBuffer Buffer, ElementType Type, int Rows, int Columns);
