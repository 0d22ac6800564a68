using System.Runtime.InteropServices;

namespace KServePaged.Engine.Kernels;

/// <summary>
/// A kernel library of this process. Several may be open side by side; each brings its own table of functions. It stays loaded
/// until the process ends, because a forgotten buffer's finalizer may still call into it.
/// </summary>
internal sealed class KernelLibrary
{
    /// <summary>KP_ABI_VERSION that the managed table was written for.</summary>
    internal const int AbiVersion = 6;

    private KernelLibrary(string name, NativeKernels functions)
    {
        Name = name;
        Functions = functions;
    }

    /// <summary>The backend: cpu, cuda, …</summary>
    public string Name { get; }

    internal NativeKernels Functions { get; }

    /// <summary>Where <see cref="Open"/> looks: beside the program.</summary>
    public static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, $"libkpkernels_{name}.so");

    /// <summary>Loads libkpkernels_NAME.so and binds every function of the ABI.</summary>
    /// <exception cref="DllNotFoundException">The file is missing, or the system refuses to load it.</exception>
    /// <exception cref="EntryPointNotFoundException">It lacks a function of the ABI.</exception>
    /// <exception cref="KernelException">It speaks another version of the ABI.</exception>
    public static KernelLibrary Open(string name)
    {
        string path = PathOf(name);
        if (!File.Exists(path))
        {
            throw new DllNotFoundException($"The kernel library '{name}' is not installed: {path} does not exist.");
        }
        var functions = new NativeKernels(new NativeExports(NativeLibrary.Load(path), path));
        int version = functions.AbiVersion();
        if (version != AbiVersion)
        {
            throw new KernelException(
                KernelStatus.Unsupported, nameof(Open), $"{path} speaks version {version} of the kernel ABI, this program version {AbiVersion}");
        }
        return new KernelLibrary(name, functions);
    }
}
