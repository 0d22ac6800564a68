namespace KServePaged.Kernels.Emulation;

/// <summary>Which wait a planted kernel lacks (kp_emulation_missing of src/runtime.h).</summary>
public enum MissingWait
{
    None = 0,

    /// <summary>For what the copy engine brings.</summary>
    UntilFull = 1,

    /// <summary>For those who still read what a copy overwrites.</summary>
    UntilEmpty = 2,

    /// <summary>Before sums are read.</summary>
    ForProducts = 3,
}
