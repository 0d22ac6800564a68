using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models;

namespace KServePaged.Engine.Execution;

/// <summary>The activations of a step: one allocation for the largest step, written anew by each.</summary>
internal sealed class WorkingMemory : IDisposable
{
    private readonly DeviceBuffer _hidden;
    private readonly DeviceBuffer _scratch;

    public WorkingMemory(DecoderSpec spec, StepLimits limits)
    {
        long wide = WideBytes(spec, limits);
        _hidden = limits.Device.Allocate(2 * wide + NormedBytes(spec, limits));
        Residual = _hidden.Address;
        Delta = Residual + (nint)wide;
        Normed = Delta + (nint)wide;
        _scratch = limits.Device.Allocate(spec.ScratchBytes(limits));
        Scratch = new Scratch(_scratch);
    }

    /// <summary>[tokens, hidden] f32.</summary>
    public nint Residual { get; }

    /// <summary>[tokens, hidden] f32.</summary>
    public nint Delta { get; }

    /// <summary>[tokens, hidden] of the compute type.</summary>
    public nint Normed { get; }

    public Scratch Scratch { get; }

    public static long BytesFor(DecoderSpec spec, StepLimits limits) =>
        2 * WideBytes(spec, limits) + NormedBytes(spec, limits) + spec.ScratchBytes(limits);

    public void Dispose()
    {
        _hidden.Dispose();
        _scratch.Dispose();
    }

    private static long WideBytes(DecoderSpec spec, StepLimits limits) =>
        Scratch.SizeOf((long)limits.Tokens * spec.HiddenSize * ElementType.Float32.Bytes());

    private static long NormedBytes(DecoderSpec spec, StepLimits limits) =>
        Scratch.SizeOf((long)limits.Tokens * spec.HiddenSize * limits.ComputeType.Bytes());
}
