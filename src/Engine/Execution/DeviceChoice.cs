using KServePaged.Engine.Configuration;
using KServePaged.Engine.Diagnostics;
using KServePaged.Engine.Kernels;
using Microsoft.Extensions.Logging;

namespace KServePaged.Engine.Execution;

/// <summary>Opens the device that the options ask for.</summary>
internal static class DeviceChoice
{
    private static readonly string[] Devices = ["auto", "cpu", "cuda"];

    /// <summary>The CUDA kernels run by tests without a GPU: no command line offers it, and no image has its library.</summary>
    private const string Emulation = "cudaemu";

    private static readonly (string Name, Isa Isa)[] InstructionSets =
    [
        ("auto", Isa.Auto), ("scalar", Isa.Scalar), ("avx2", Isa.Avx2), ("avx512", Isa.Avx512), ("avx512_bf16", Isa.Avx512BFloat16),
    ];

    /// <param name="logger">Told why there is no GPU, where one would have been taken.</param>
    /// <exception cref="InvalidDataException">No such device or instruction set, or this machine lacks it.</exception>
    public static Device Open(EngineOptions options, ILogger logger)
    {
        if (!Devices.Contains(options.Device) && options.Device != Emulation)
        {
            throw new InvalidDataException($"device is \"{options.Device}\"; possible are {string.Join(", ", Devices)}.");
        }
        var set = Array.Find(InstructionSets, known => known.Name == options.Isa);
        if (set.Name is null)
        {
            throw new InvalidDataException(
                $"isa is \"{options.Isa}\"; possible are {string.Join(", ", InstructionSets.Select(known => known.Name))}.");
        }
        bool isAuto = options.Device == "auto";
        return (isAuto && set.Isa == Isa.Auto ? OpenGpuIfAny(options, logger) : null) ?? Open(isAuto ? "cpu" : options.Device, options, set.Isa);
    }

    /// <summary>Says which options a GPU has no use for.</summary>
    public static void WarnOfUnused(EngineOptions options, Device device, ILogger logger)
    {
        if (device.Library.Name == "cpu")
        {
            return;
        }
        if (options.Threads > 0)
        {
            LoadLog.NotForGpus(logger, "threads", device.Info.Name);
        }
        if (options.PinThreads)
        {
            LoadLog.NotForGpus(logger, "pin_threads", device.Info.Name);
        }
    }

    /// <returns>null where the CUDA library is not installed or finds no GPU that it has code for.</returns>
    private static Device? OpenGpuIfAny(EngineOptions options, ILogger logger)
    {
        if (!File.Exists(KernelLibrary.PathOf("cuda")))
        {
            return null;
        }
        try
        {
            return Device.Open(KernelLibrary.Open("cuda"), options.Threads, batchInvariant: options.BatchInvariant);
        }
        catch (KernelException exception) when (exception.Status == KernelStatus.Unsupported)
        {
            LoadLog.NoGpu(logger, exception.Message);
            return null;
        }
    }

    private static Device Open(string library, EngineOptions options, Isa isa)
    {
        try
        {
            return Device.Open(KernelLibrary.Open(library), options.Threads, isa, pinned: options.PinThreads, batchInvariant: options.BatchInvariant);
        }
        catch (DllNotFoundException exception)
        {
            throw new InvalidDataException($"device is \"{options.Device}\": {exception.Message}", exception);
        }
        catch (KernelException exception) when (exception.Status == KernelStatus.Unsupported && library == "cpu")
        {
            throw new InvalidDataException($"isa is \"{options.Isa}\": {exception.Message}", exception);
        }
        catch (KernelException exception) when (exception.Status is KernelStatus.Unsupported or KernelStatus.OutOfMemory)
        {
            throw new InvalidDataException($"device is \"{options.Device}\": {exception.Message}", exception);
        }
    }
}
