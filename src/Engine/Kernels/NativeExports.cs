using System.Runtime.InteropServices;

namespace KServePaged.Engine.Kernels;

/// <summary>The exported symbols of a loaded library.</summary>
internal sealed class NativeExports(nint library, string path)
{
    /// <exception cref="EntryPointNotFoundException">The library does not export it.</exception>
    public unsafe void* Find(string symbol) => NativeLibrary.TryGetExport(library, symbol, out nint address)
        ? (void*)address
        : throw new EntryPointNotFoundException($"{path} does not export {symbol}: it was built from other headers than this program.");
}
