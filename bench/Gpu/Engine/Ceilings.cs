namespace KServePaged.Gpu.Engine;

/// <summary>What a device was measured to reach.</summary>
/// <param name="Bytes">A second, read and written both counted.</param>
/// <param name="Operations">A second, of bf16 products.</param>
internal sealed record Ceilings(double Bytes, double Operations);
