using KServePaged.Engine.Models.Layers;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Architectures;

/// <summary>
/// Rotary embeddings from either dialect: <c>rope_theta</c> beside <c>rope_scaling</c>, or <c>rope_parameters</c> with both inside.
/// </summary>
internal static class RotaryConfig
{
    private const string DefaultKind = "default";

    /// <summary>What a kind makes of the plain frequencies.</summary>
    private delegate double[] Scaling(double[] frequencies, ConfigFields parameters, int originalPositions);

    private static readonly Dictionary<string, Scaling> Kinds = new(StringComparer.Ordinal)
    {
        [DefaultKind] = (frequencies, _, _) => frequencies,
        ["linear"] = Linear,
        ["llama3"] = Llama3,
    };

    /// <summary>Half-split rotation of all of a head's components.</summary>
    /// <param name="fields">config.json.</param>
    /// <param name="headDim">Components of a head.</param>
    /// <param name="maxPositions">The model's positions, where the scaling names none of its own.</param>
    /// <param name="defaultTheta">The family's value for a missing <c>rope_theta</c>.</param>
    /// <exception cref="InvalidDataException">A kind that is not supported, or parameters that make no sense.</exception>
    public static RotarySpec Read(ConfigFields fields, int headDim, int maxPositions, double defaultTheta)
    {
        if (headDim % 2 != 0)
        {
            throw fields.Invalid("head_dim", $"an even number is needed for rotary embedding, not {headDim}");
        }
        ConfigFields? parameters = fields.Object("rope_parameters") ?? fields.Object("rope_scaling");
        RefusePartialRotation(fields);
        double theta = fields.Number("rope_theta", defaultTheta, double.Epsilon);
        if (parameters is null)
        {
            return Spec(Frequencies(theta, headDim));
        }
        RefusePartialRotation(parameters);
        RefuseNested(parameters);
        theta = parameters.Number("rope_theta", theta, double.Epsilon);
        string key = parameters.Has("rope_type") ? "rope_type" : "type";
        if (!Kinds.TryGetValue(parameters.Text(key) ?? DefaultKind, out Scaling? scaling))
        {
            throw parameters.Invalid(key, $"supported are {string.Join(", ", Kinds.Keys)}");
        }
        int originalPositions = fields.NullableInt("original_max_position_embeddings", null, 1, ConfigLimits.Positions)
            ?? parameters.Int("original_max_position_embeddings", maxPositions, 1, ConfigLimits.Positions);
        return Spec(scaling(Frequencies(theta, headDim), parameters, originalPositions));
    }

    private static RotarySpec Spec(double[] frequencies) => new() { InverseFrequencies = frequencies };

    private static double[] Frequencies(double theta, int dimensions) =>
        [.. Enumerable.Range(0, dimensions / 2).Select(i => Math.Pow(theta, -2.0 * i / dimensions))];

    private static double[] Linear(double[] frequencies, ConfigFields parameters, int originalPositions)
    {
        double factor = Factor(parameters);
        return [.. frequencies.Select(frequency => frequency / factor)];
    }

    /// <summary>Long waves are stretched by the factor, short ones stay, those between are blended.</summary>
    private static double[] Llama3(double[] frequencies, ConfigFields parameters, int originalPositions)
    {
        double factor = Factor(parameters);
        double low = Required(parameters, "low_freq_factor");
        double high = Required(parameters, "high_freq_factor");
        if (high <= low)
        {
            throw parameters.Invalid("high_freq_factor", $"more than low_freq_factor {low} is needed");
        }
        return [.. frequencies.Select(frequency =>
        {
            double wavelength = 2 * Math.PI / frequency;
            if (wavelength > originalPositions / low)
            {
                return frequency / factor;
            }
            if (wavelength < originalPositions / high)
            {
                return frequency;
            }
            double smooth = ((originalPositions / wavelength) - low) / (high - low);
            return ((1 - smooth) * frequency / factor) + (smooth * frequency);
        })];
    }

    private static double Factor(ConfigFields parameters) => Required(parameters, "factor");

    private static double Required(ConfigFields parameters, string key) =>
        parameters.NullableNumber(key, double.Epsilon) ?? throw parameters.Invalid(key, "a number above 0 is needed for this rope_type");

    private static void RefusePartialRotation(ConfigFields fields)
    {
        if (fields.Number("partial_rotary_factor", 1, 0) != 1)
        {
            throw fields.Invalid("partial_rotary_factor", "this architecture rotates whole heads: 1 is supported");
        }
    }

    private static void RefuseNested(ConfigFields parameters)
    {
        foreach (string layerType in new[] { "full_attention", "sliding_attention" })
        {
            if (parameters.Has(layerType))
            {
                throw parameters.Invalid(layerType, "this architecture has one rotary embedding for all layers");
            }
        }
    }
}
