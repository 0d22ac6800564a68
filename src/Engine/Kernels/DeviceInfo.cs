namespace KServePaged.Engine.Kernels;

/// <summary>What a device says of itself.</summary>
/// <param name="Name">For people: the processor and what is used of it.</param>
/// <param name="Isa"><see cref="Isa.Auto"/> on devices that are no CPU.</param>
/// <param name="Threads">CPU workers, the calling thread included.</param>
/// <param name="TotalBytes">Memory that the device may use: on the CPU the cgroup's limit or what the machine has.</param>
/// <param name="FreeBytes">What of it was free when asked.</param>
/// <param name="HasGraphs">Calls return before they have run, and graphs can be recorded; otherwise every call has run when it returns.</param>
/// <param name="Products">For people: which kernels multiply; empty where the name says it all.</param>
internal sealed record DeviceInfo(string Name, Isa Isa, int Threads, long TotalBytes, long FreeBytes, bool HasGraphs, string Products = "");
