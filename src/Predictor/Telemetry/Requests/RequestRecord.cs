using System.Diagnostics;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Telemetry.Requests;

/// <summary>What is known of the request that a thread works for; logs name it. Generations of one request may end at the same time.</summary>
internal sealed class RequestRecord(string requestId, ActivityContext? span)
{
    private static readonly AsyncLocal<RequestRecord?> Ambient = new();

    private static readonly RequestTotals None = new();

    private RequestTotals _totals = None;

    /// <summary>Null outside a request: the engine's thread works for many.</summary>
    public static RequestRecord? Current
    {
        get => Ambient.Value;
        set => Ambient.Value = value;
    }

    public string RequestId => requestId;

    /// <summary>This server's span of the request, recorded or not; null where neither the caller nor this server traces.</summary>
    public ActivityContext? Span => span;

    /// <summary>The model that serves it; null until it is known.</summary>
    public string? Model { get; set; }

    /// <summary>What its generations did together.</summary>
    public RequestTotals Totals => Volatile.Read(ref _totals);

    public void Add(GenerationRecord generation)
    {
        RequestTotals seen;
        do
        {
            seen = Totals;
        }
        while (Interlocked.CompareExchange(ref _totals, seen.Plus(generation), seen) != seen);
    }
}
