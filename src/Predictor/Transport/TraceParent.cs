namespace KServePaged.Predictor.Transport;

/// <summary>
/// W3C trace context: a caller's traceparent comes back with the same trace id and a span id of this server, so that both sides' logs can
/// be joined. What is no traceparent is left alone, as the standard asks.
/// </summary>
internal sealed class TraceParent(RequestDelegate next)
{
    public const string Header = "traceparent";

    private const int TraceIdAt = 3;
    private const int SpanIdAt = 36;
    private const int FlagsAt = 53;
    private const int Length = 55;

    public Task InvokeAsync(HttpContext context)
    {
        if (context.Request.Headers[Header] is [{ } given] && IsValid(given))
        {
            string span = RequestIds.Create();
            context.Response.Headers[Header] = $"00-{given[TraceIdAt..(SpanIdAt - 1)]}-{span}-{given[FlagsAt..Length]}";
        }
        return next(context);
    }

    /// <summary>Version 00 exactly; a later version may go on behind a dash.</summary>
    public static bool IsValid(string value) =>
        value.Length >= Length
        && IsHex(value[..2]) && value[..2] != "ff" && (value.Length == Length || (value[..2] != "00" && value[Length] == '-'))
        && value[2] == '-' && value[SpanIdAt - 1] == '-' && value[FlagsAt - 1] == '-'
        && IsHex(value[TraceIdAt..(SpanIdAt - 1)]) && IsHex(value[SpanIdAt..(FlagsAt - 1)]) && IsHex(value[FlagsAt..Length])
        && value[TraceIdAt..(SpanIdAt - 1)].Any(c => c != '0') && value[SpanIdAt..(FlagsAt - 1)].Any(c => c != '0');

    private static bool IsHex(string text) => text.All(char.IsAsciiHexDigitLower);
}
