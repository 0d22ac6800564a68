using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace KServePaged.Overhead;

/// <summary>One run of h2load.</summary>
/// <param name="Url">Where to.</param>
/// <param name="BodyFile">What every request carries.</param>
/// <param name="Grpc">HTTP/2 with gRPC's headers; else HTTP/1.1.</param>
internal sealed partial record Load(string Url, string BodyFile, bool Grpc)
{
    private const int Connections = 8;

    /// <param name="rate">Answers a second.</param>
    /// <returns>Answers in all.</returns>
    /// <exception cref="InvalidOperationException">A request was not answered with 200.</exception>
    public long Run(TimeSpan duration, out double rate)
    {
        string seconds = duration.TotalSeconds.ToString(CultureInfo.InvariantCulture);
        // Eight requests on the way in both forms: more only queue on the two cores that server and client share.
        string[] form = Grpc ? ["-c", "2", "-m", "4", "-H", "content-type: application/grpc", "-H", "te: trailers"] : ["--h1", "-c", $"{Connections}"];
        string output = Execute([.. form, "-D", seconds, "-d", BodyFile, Url]);
        Match finished = Rate().Match(output);
        Match statuses = Statuses().Match(output);
        if (!finished.Success || !statuses.Success || statuses.Groups["other"].Value.Trim() != "0 3xx, 0 4xx, 0 5xx")
        {
            throw new InvalidOperationException($"h2load did not get what it asked for:\n{output}");
        }
        rate = double.Parse(finished.Groups["rate"].Value, CultureInfo.InvariantCulture);
        return long.Parse(statuses.Groups["answers"].Value, CultureInfo.InvariantCulture);
    }

    private static string Execute(IEnumerable<string> arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("h2load", arguments) { RedirectStandardOutput = true })
            ?? throw new InvalidOperationException("h2load did not start; it is in Debian's package nghttp2-client");
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output;
    }

    [GeneratedRegex(@"finished in [^,]+, (?<rate>[\d.]+) req/s")]
    private static partial Regex Rate();

    [GeneratedRegex(@"status codes: (?<answers>\d+) 2xx, (?<other>.*)")]
    private static partial Regex Statuses();
}
