using KServePaged.Serving.Load;

namespace KServePaged.Serving.Report;

/// <summary>The figures of a run from its answers' times.</summary>
internal static class LoadSummary
{
    private const double Milliseconds = 1000;

    /// <param name="spec">What was measured.</param>
    /// <param name="answers">At least one.</param>
    /// <param name="blank">What is known of the run already.</param>
    public static RunResult Of(PointSpec spec, IReadOnlyList<AnswerTiming> answers, RunResult blank)
    {
        double seconds = answers.Max(answer => answer.Ended) - answers.Min(answer => answer.Started);
        long output = answers.Sum(answer => (long)answer.Tokens);
        double fresh = answers.Where(answer => !answer.Request.RepeatsPrefix).Sum(answer => answer.FirstToken);
        return blank with
        {
            Requests = answers.Count,
            Seconds = seconds,
            PromptTokens = answers.Sum(answer => (long)answer.Request.Prompt.Length),
            OutputTokens = output,
            OutputRate = output / seconds,
            PrefillRate = spec.Load.Streams == 1 ? answers.Where(answer => !answer.Request.RepeatsPrefix).Sum(answer => answer.Request.Prompt.Length) / fresh : null,
            LimitShare = LimitShare(spec, answers, blank, seconds),
            FirstToken = Of(answers.Where(answer => !answer.Request.RepeatsPrefix).Select(answer => answer.FirstToken)),
            RepeatedFirstToken = Of(answers.Where(answer => answer.Request.RepeatsPrefix).Select(answer => answer.FirstToken)),
            PerToken = Of(answers.Select(answer => answer.PerToken)),
            BetweenTokens = Of(answers.SelectMany(answer => answer.TokenTimes.Zip(answer.TokenTimes.Skip(1), (before, after) => after - before))),
            EndToEnd = Of(answers.Select(answer => answer.EndToEnd)),
        };
    }

    private static Distribution? Of(IEnumerable<double> seconds) => Distribution.Of(seconds.Select(value => value * Milliseconds));

    // Arrivals of an open loop leave the machine idle at times: a share of its limit would say nothing.
    private static double? LimitShare(PointSpec spec, IReadOnlyList<AnswerTiming> answers, RunResult blank, double seconds)
    {
        if (blank.Ceilings is not { } ceilings)
        {
            return null;
        }
        bool peer = blank.Server != Bench.Ours;
        double bytes = peer ? spec.Format.Peer.BytesPerWeight : spec.Format.BytesPerWeight;
        double peak = peer && spec.Format.Quantization is not null ? ceilings.Int8Ops : spec.Format.Peak(ceilings);
        var roofline = new Roofline(spec.Shape, bytes, ceilings.ReadBytes, peak);
        double context = answers.Average(answer => answer.Request.Prompt.Length + answer.Tokens / 2.0);
        return spec.Load switch
        {
            { Rate: > 0 } => null,
            { Name: "prefill" } => answers.Sum(answer => roofline.PrefillSeconds(answer.Request.Prompt.Length)) / answers.Sum(answer => answer.FirstToken),
            { Name: "decode" } => roofline.StepSeconds(1, context) / answers.Average(answer => answer.PerToken),
            _ => roofline.RunSeconds([.. answers.Select(answer => answer.Request)], spec.Load.Streams, spec.Load.PrefixTokens) / seconds,
        };
    }
}
