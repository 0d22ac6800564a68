using System.Globalization;

namespace KServePaged.Predictor.Errors;

/// <summary>When another try makes sense, as headers or, in gRPC, trailers.</summary>
internal static class RetryHint
{
    /// <summary>What clients of HTTP read: whole seconds, and the OpenAI SDKs' finer form.</summary>
    public static IEnumerable<(string Name, string Value)> Of(TimeSpan after) =>
    [
        ("retry-after", Math.Max(1, (long)Math.Ceiling(after.TotalSeconds)).ToString(CultureInfo.InvariantCulture)),
        ("retry-after-ms", Milliseconds(after)),
    ];

    /// <summary>
    /// The same for gRPC, and what its clients with a retry policy obey by themselves: they wait that long instead of their own
    /// backoff, and do not try again where it is negative. It is negative when the call's deadline would pass meanwhile: the caller
    /// then gets the true reason now, not DEADLINE_EXCEEDED later.
    /// </summary>
    /// <param name="left">Until the deadline; null = there is none.</param>
    public static IEnumerable<(string Name, string Value)> OfGrpc(TimeSpan after, TimeSpan? left) =>
        Of(after).Append(("grpc-retry-pushback-ms", left <= after ? "-1" : Milliseconds(after)));

    private static string Milliseconds(TimeSpan time) => ((long)time.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
}
