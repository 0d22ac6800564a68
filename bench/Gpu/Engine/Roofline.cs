namespace KServePaged.Gpu.Engine;

/// <summary>
/// The least time in which a device that never waits could do a load: decode steps read all weights and the cache, prompts are multiplied
/// with all weights; each takes the longer of its bytes and its operations.
/// </summary>
internal sealed record Roofline(ModelShape Shape, Ceilings Ceilings)
{
    private const double WeightBytes = sizeof(ushort);

    /// <summary>Of one prompt's prefill alone, weights read once.</summary>
    public double PrefillSeconds(int promptTokens, int prompts)
    {
        double attention = 2.0 * Shape.Layers * Shape.Heads * Shape.HeadDim * promptTokens * (promptTokens + 1); // two products, half of the square
        double operations = prompts * (2.0 * Shape.LayerWeights * promptTokens + attention + 2.0 * Shape.Vocab * Shape.Hidden);
        return Math.Max(operations / Ceilings.Operations, WeightBytes * Shape.StepWeights / Ceilings.Bytes);
    }

    /// <summary>Of a step that gives each of the sequences a token, at a context of so many tokens.</summary>
    public double StepSeconds(double sequences, double context)
    {
        double bytes = WeightBytes * Shape.StepWeights + sequences * context * Shape.TokenBytes;
        double operations = sequences * (2.0 * Shape.StepWeights + 4.0 * Shape.Layers * Shape.Heads * Shape.HeadDim * context);
        return Math.Max(bytes / Ceilings.Bytes, operations / Ceilings.Operations);
    }

    /// <summary>Of all requests of a point, started at once.</summary>
    /// <param name="cacheTokens">What the cache holds: sequences beyond it run after those before them.</param>
    public double RunSeconds(EnginePoint point, long cacheTokens)
    {
        double resident = Math.Clamp(cacheTokens / (point.PromptTokens + point.OutputTokens), 1, point.Streams);
        double decode = 0;
        for (int token = 1; token < point.OutputTokens; token++)
        {
            decode += StepSeconds(resident, point.PromptTokens + token);
        }
        return PrefillSeconds(point.PromptTokens, point.Streams) + decode * point.Streams / resident;
    }
}
