using KServePaged.Engine.Models.Layers;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models;

/// <summary>What a spec needs to become a layer with weights.</summary>
/// <param name="weights">Gives the weights.</param>
/// <param name="limits">The largest step.</param>
/// <param name="owned">Is given every device object made.</param>
internal sealed class ModelBuilder(WeightLoader weights, StepLimits limits, ICollection<IDisposable> owned)
{
    private readonly Dictionary<RotarySpec, RotaryEmbedding> _rotaries = [];
    private int _cacheLayers;

    public WeightLoader Weights => weights;

    public StepLimits Limits => limits;

    /// <summary>Every rotary table of the model; each is computed once a step.</summary>
    public IReadOnlyCollection<RotaryEmbedding> Rotaries => _rotaries.Values;

    /// <summary>The index of the next layer's cache, in the order of <see cref="DecoderSpec.CacheLayers"/>.</summary>
    public int NextCacheLayer() => _cacheLayers++;

    /// <summary>Layers that name the same spec object share one table.</summary>
    public RotaryEmbedding Rotary(RotarySpec spec)
    {
        if (!_rotaries.TryGetValue(spec, out RotaryEmbedding? rotary))
        {
            rotary = new RotaryEmbedding(spec, limits, weights, owned);
            _rotaries.Add(spec, rotary);
        }
        return rotary;
    }
}
