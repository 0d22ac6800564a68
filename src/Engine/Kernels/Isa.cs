namespace KServePaged.Engine.Kernels;

/// <summary>kp_isa of include/kp/kp.h: the instruction set of the CPU library.</summary>
internal enum Isa
{
    Auto = 0,
    Scalar = 1,
    Avx2 = 2,
    Avx512 = 3,
    Avx512BFloat16 = 4,
}
