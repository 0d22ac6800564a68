using KServePaged.Engine.Configuration;
using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Execution;

/// <summary>Opens the device that the options ask for.</summary>
internal static class DeviceChoice
{
    private static readonly string[] Devices = ["auto", "cpu", "cuda"];

    private static readonly (string Name, Isa Isa)[] InstructionSets =
    [
        ("auto", Isa.Auto), ("scalar", Isa.Scalar), ("avx2", Isa.Avx2), ("avx512", Isa.Avx512), ("avx512_bf16", Isa.Avx512BFloat16),
    ];

    /// <exception cref="InvalidDataException">No such device or instruction set, or this machine lacks it.</exception>
    public static Device Open(EngineOptions options)
    {
        if (!Devices.Contains(options.Device))
        {
            throw new InvalidDataException($"device is \"{options.Device}\"; possible are {string.Join(", ", Devices)}.");
        }
        var set = Array.Find(InstructionSets, known => known.Name == options.Isa);
        if (set.Name is null)
        {
            throw new InvalidDataException(
                $"isa is \"{options.Isa}\"; possible are {string.Join(", ", InstructionSets.Select(known => known.Name))}.");
        }
        try
        {
            return Device.Open(KernelLibrary.Open(options.Device == "auto" ? "cpu" : options.Device), options.Threads, set.Isa, pinned: options.PinThreads);
        }
        catch (DllNotFoundException exception)
        {
            throw new InvalidDataException($"device is \"{options.Device}\": {exception.Message}", exception);
        }
        catch (KernelException exception) when (exception.Status == KernelStatus.Unsupported)
        {
            throw new InvalidDataException($"isa is \"{options.Isa}\": {exception.Message}", exception);
        }
    }
}
