using System.Globalization;
using KServePaged.Predictor.Errors;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>The grpc-timeout header: at most eight digits and a unit.</summary>
internal static class GrpcTimeout
{
    public const string Header = "grpc-timeout";

    // Beyond it a deadline is none; dates end before the largest that the header can say (99999999 hours).
    private static readonly TimeSpan Longest = TimeSpan.FromDays(36_500);

    /// <returns>Null where the caller set no deadline.</returns>
    /// <exception cref="GrpcException">INTERNAL, as other servers answer a malformed one; DEADLINE_EXCEEDED where no time is left.</exception>
    public static TimeSpan? Parse(string? value)
    {
        if (value is null)
        {
            return null;
        }
        if (value.Length is < 2 or > 9 || !long.TryParse(value.AsSpan(0, value.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out long amount))
        {
            throw Malformed(value);
        }
        TimeSpan timeout = value[^1] switch
        {
            'H' => TimeSpan.FromHours(amount),
            'M' => TimeSpan.FromMinutes(amount),
            'S' => TimeSpan.FromSeconds(amount),
            'm' => TimeSpan.FromMilliseconds(amount),
            'u' => TimeSpan.FromMicroseconds(amount),
            'n' => TimeSpan.FromTicks(amount / TimeSpan.NanosecondsPerTick),
            _ => throw Malformed(value),
        };
        return timeout > Longest ? null
            : timeout > TimeSpan.Zero ? timeout
            : throw new GrpcException(GrpcStatusCode.DeadlineExceeded, "the deadline of the call has passed.");
    }

    private static GrpcException Malformed(string value) => new(GrpcStatusCode.Internal, $"{Header} '{value}' is not a number of at most eight digits and a unit.");
}
