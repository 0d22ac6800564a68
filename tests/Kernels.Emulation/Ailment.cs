namespace KServePaged.Kernels.Emulation;

/// <summary>What the emulated machine suffers from (kp_emulation_ailment of src/runtime.h).</summary>
public enum Ailment
{
    None = 0,
    NoDriver = 1,
    NoDevice = 2,
    OldDevice = 3,

    /// <summary>64 MiB: a slice of a GPU.</summary>
    SmallMemory = 4,

    /// <summary>The next launch reads a bad address, and the device stays broken.</summary>
    Fault = 5,

    /// <summary>Other processes hold all but 64 MiB.</summary>
    BusyMemory = 6,

    /// <summary>Other processes take it between the question how much is free and the allocation.</summary>
    TakenMemory = 7,
}
