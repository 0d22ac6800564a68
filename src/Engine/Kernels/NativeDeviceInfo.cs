using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace KServePaged.Engine.Kernels;

/// <summary>kp_device_info of include/kp/kp.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeDeviceInfo
{
    public NameText Name;
    public Isa Isa;
    public int Threads;
    public long TotalBytes;
    public long FreeBytes;
    public int HasGraphs;
    public int Reserved;
    public NameText Products;

    [InlineArray(128)]
    internal struct NameText
    {
        private byte _first;
    }

    public readonly DeviceInfo ToManaged()
    {
        return new DeviceInfo(TextOf(Name), Isa, Threads, TotalBytes, FreeBytes, HasGraphs != 0, TextOf(Products));
    }

    private static string TextOf(ReadOnlySpan<byte> text)
    {
        int end = text.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? text : text[..end]);
    }
}
