using KServePaged.Serving.Load;
using KServePaged.Serving.Machine;
using KServePaged.Serving.Models;

namespace KServePaged.Serving.Report;

/// <summary>The least time that a machine of given ceilings needs for a model's steps.</summary>
/// <param name="Shape">The model.</param>
/// <param name="BytesPerWeight">As the weights are stored, scales included.</param>
/// <param name="ReadBytes">Memory's rate.</param>
/// <param name="Flops">Rate of the products.</param>
internal sealed record Roofline(ModelShape Shape, double BytesPerWeight, double ReadBytes, double Flops)
{
    private const double KvElementBytes = 2; // bf16 or fp16 cache

    /// <summary>One token for each of some sequences: reads every weight but the embedding's and all cached tokens, or multiplies, whichever takes longer.</summary>
    public double StepSeconds(double sequences, double contextTokens)
    {
        double bytes = Shape.StepWeights * BytesPerWeight + sequences * contextTokens * Shape.KvElements * KvElementBytes;
        double flops = sequences * (2.0 * Shape.StepWeights + AttentionFlops(contextTokens));
        return Math.Max(bytes / ReadBytes, flops / Flops);
    }

    /// <summary>One prompt on its own; the output matrix is needed for its last token only.</summary>
    public double PrefillSeconds(double tokens)
    {
        double flops = 2.0 * tokens * Shape.LayerWeights + 2.0 * Shape.Vocab * Shape.Hidden + tokens * AttentionFlops(tokens / 2);
        return Math.Max(flops / Flops, Shape.StepWeights * BytesPerWeight / ReadBytes);
    }

    /// <summary>All of a closed loop's work: the prompts, then the outputs in batches of as many as there are streams.</summary>
    /// <param name="requests">The work.</param>
    /// <param name="streams">Requests at a time.</param>
    /// <param name="cachedTokens">Of each request that repeats a prefix: tokens that need no computing.</param>
    public double RunSeconds(IReadOnlyList<LoadRequest> requests, int streams, int cachedTokens)
    {
        double sequences = Math.Min(streams, requests.Count);
        double context = requests.Average(request => request.Prompt.Length + request.OutputTokens / 2.0);
        double prefill = requests.Sum(request => PrefillSeconds(request.Prompt.Length - (request.RepeatsPrefix ? cachedTokens : 0)));
        return prefill + requests.Sum(request => request.OutputTokens - 1) / sequences * StepSeconds(sequences, context); // a prompt's last token gives the first
    }

    private double AttentionFlops(double contextTokens) => 4.0 * Shape.Layers * Shape.Heads * Shape.HeadDim * contextTokens;
}
