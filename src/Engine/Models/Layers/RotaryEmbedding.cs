using KServePaged.Engine.Kernels;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Layers;

/// <summary>The angles of a step's positions, computed once and read by every layer that rotates.</summary>
internal sealed class RotaryEmbedding
{
    private readonly DeviceBuffer _inverseFrequencies;
    private readonly DeviceBuffer _cosSin;
    private readonly double _scale;

    public RotaryEmbedding(RotarySpec spec, StepLimits limits, WeightLoader weights, ICollection<IDisposable> owned)
    {
        Half = spec.InverseFrequencies.Count;
        Interleaved = spec.Interleaved;
        _scale = spec.Scale;
        double[] frequencies = [.. spec.InverseFrequencies];
        owned.Add(_inverseFrequencies = limits.Device.Allocate((long)Half * sizeof(double)));
        owned.Add(_cosSin = limits.Device.Allocate((long)limits.Tokens * 2 * Half * sizeof(float)));
        weights.Stream.Write<double>(_inverseFrequencies.Address, frequencies);
    }

    /// <summary>Rotated pairs of a head.</summary>
    public int Half { get; }

    public bool Interleaved { get; }

    /// <summary>[tokens, 2 * Half] f32 after <see cref="Prepare"/>.</summary>
    public nint CosSin => _cosSin.Address;

    public void Prepare(ForwardContext context) => context.Stream.RopeAngles(
        _inverseFrequencies.Address, Half, _scale, context.Positions, context.Tokens, _cosSin.Address);
}
