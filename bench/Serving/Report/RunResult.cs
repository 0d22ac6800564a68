using System.Text.Json.Serialization;
using KServePaged.Serving.Machine;

namespace KServePaged.Serving.Report;

/// <summary>One server at one point in one round: a line of <c>results.jsonl</c>. Times in milliseconds, memory in bytes.</summary>
internal sealed record RunResult
{
    public required string Model { get; init; }

    public required string Format { get; init; }

    public required string Point { get; init; }

    public required int Streams { get; init; }

    public required string Server { get; init; }

    public required int Round { get; init; }

    public required DateTimeOffset Time { get; init; }

    /// <summary>Processor, cores and memory.</summary>
    public required string Machine { get; init; }

    /// <summary>How the server was started.</summary>
    public required string Command { get; init; }

    /// <summary>The machine's, the middle of right before and right after the load; null where no load was measured.</summary>
    public Ceilings? Ceilings { get; init; }

    /// <summary>By how much memory's rate after the load differed from that before, as a share of it.</summary>
    public double ReadDrift { get; init; }

    /// <summary>Why there are no figures; null for a run that gave what was asked.</summary>
    public string? Error { get; init; }

    /// <summary>Cores that others used meanwhile, steal included; the busy loop of a point with one left out.</summary>
    public double ForeignCores { get; init; }

    /// <summary>Others used more than the bound in each try.</summary>
    public bool Disturbed { get; init; }

    /// <summary>Cores that the measuring client used.</summary>
    public double ClientCores { get; init; }

    /// <summary>Exec to the first token.</summary>
    public double StartSeconds { get; init; }

    public long PeakMemory { get; init; }

    public long AnonymousMemory { get; init; }

    public int Requests { get; init; }

    public double Seconds { get; init; }

    public long PromptTokens { get; init; }

    public long OutputTokens { get; init; }

    public double OutputRate { get; init; }

    /// <summary>Prompt tokens a second until their first tokens; of points with one stream.</summary>
    public double? PrefillRate { get; init; }

    /// <summary>Share of the roofline: for prefill and decode of that phase, for a closed loop of the whole run.</summary>
    public double? LimitShare { get; init; }

    /// <summary>Whether the ceilings before and after agree well enough to say what share of them was reached.</summary>
    [JsonIgnore]
    public bool HasSteadyLimit => ReadDrift <= 0.1;

    /// <summary>With a busy loop beside it, as a share of the same load without in the same process.</summary>
    public double? RateKept { get; init; }

    public Distribution? FirstToken { get; init; }

    /// <summary>First token of requests that repeat a prefix.</summary>
    public Distribution? RepeatedFirstToken { get; init; }

    public Distribution? PerToken { get; init; }

    public Distribution? BetweenTokens { get; init; }

    public Distribution? EndToEnd { get; init; }

    [JsonIgnore]
    public (string, string, string, string, int) Key => (Model, Format, Point, Server, Round);
}
