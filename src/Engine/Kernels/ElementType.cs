namespace KServePaged.Engine.Kernels;

/// <summary>kp_dtype of include/kp/kp.h.</summary>
internal enum ElementType
{
    Float32 = 0,
    BFloat16 = 1,
    Float16 = 2,
}
