using System.Diagnostics;

namespace KServePaged.Predictor.Telemetry.Requests;

/// <summary>The header of W3C trace context. What is no traceparent is left alone, as the standard asks.</summary>
internal static class TraceParent
{
    public const string Header = "traceparent";

    public const string StateHeader = "tracestate";

    private const int TraceIdAt = 3;
    private const int SpanIdAt = 36;
    private const int FlagsAt = 53;
    private const int Length = 55;

    /// <summary>The caller's span; null where it names none.</summary>
    public static ActivityContext? Of(HttpRequest request)
    {
        if (request.Headers.TraceParent is not [{ } given] || !IsValid(given))
        {
            return null;
        }
        ActivityTraceFlags flags = (Convert.ToByte(given[FlagsAt..Length], 16) & 1) == 1 ? ActivityTraceFlags.Recorded : ActivityTraceFlags.None;
        return new ActivityContext(
            ActivityTraceId.CreateFromString(given.AsSpan(TraceIdAt, 32)), ActivitySpanId.CreateFromString(given.AsSpan(SpanIdAt, 16)), flags,
            request.Headers.TraceState is [{ Length: > 0 } state] ? state : null, isRemote: true);
    }

    /// <summary>A span of ours that nobody records, so that both sides' logs can be joined.</summary>
    public static ActivityContext Below(ActivityContext caller) =>
        new(caller.TraceId, ActivitySpanId.CreateRandom(), caller.TraceFlags);

    public static string Text(ActivityContext span) => $"00-{span.TraceId}-{span.SpanId}-{(int)span.TraceFlags:x2}";

    /// <summary>Version 00 exactly; a later version may go on behind a dash.</summary>
    public static bool IsValid(string value) =>
        value.Length >= Length
        && IsHex(value[..2]) && value[..2] != "ff" && (value.Length == Length || (value[..2] != "00" && value[Length] == '-'))
        && value[2] == '-' && value[SpanIdAt - 1] == '-' && value[FlagsAt - 1] == '-'
        && IsHex(value[TraceIdAt..(SpanIdAt - 1)]) && IsHex(value[SpanIdAt..(FlagsAt - 1)]) && IsHex(value[FlagsAt..Length])
        && value[TraceIdAt..(SpanIdAt - 1)].Any(c => c != '0') && value[SpanIdAt..(FlagsAt - 1)].Any(c => c != '0');

    private static bool IsHex(string text) => text.All(char.IsAsciiHexDigitLower);
}
