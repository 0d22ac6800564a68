using System.Globalization;

namespace KServePaged.Serving;

/// <summary>The command line: what to measure, and options of the form <c>--name=value</c> or <c>--name value</c>.</summary>
internal sealed record BenchOptions
{
    public const string Usage = """
        Serving WHAT... [--option VALUE]...

          quick                 a few points in less than five minutes
          full                  everything that docs/benchmarks.md reports
          MODEL/FORMAT/POINT    one point: small or medium / bf16, int8, int8-dynamic or int4 / closed-N, poisson-RATE, prefill, decode, prefix, busy-N or start
          report                nothing is measured, tables and plots are written anew

          --peer COMMAND        the server to compare with; {model}, {gguf}, {port}, {slots}, {context} and {cache} are filled in. Without it ours runs alone
          --peer_name NAME      its name in tables; default: peer
          --server COMMAND      ours, when not built from this checkout; {model} and {port} are filled in, --quantization is appended
          --rounds COUNT        of each point, the servers in turn; default 1 for quick, else 3
          --out DIRECTORY       results, tables and plots; what is there already is not measured again. Default: artifacts/bench/results
          --work DIRECTORY      models and our published server; default: artifacts/bench
          --foreign CORES       what others may use in an undisturbed run; default 0.05
          --tries COUNT         for a run that is disturbed; default 3
          --patience SECONDS    to wait for a quiet machine before each run; default 300
        """;

    public required IReadOnlyList<PointSpec> Points { get; init; }

    public bool Measure => Points.Count > 0;

    public string? Peer { get; init; }

    public string PeerName { get; init; } = "peer";

    public string? Server { get; init; }

    public int Rounds { get; init; }

    public string? Out { get; init; }

    public string? Work { get; init; }

    public double Foreign { get; init; } = 0.05;

    public int Tries { get; init; } = 3;

    public double PatienceSeconds { get; init; } = 300;

    /// <exception cref="ArgumentException">A word or option is unknown, or its value is none.</exception>
    public static BenchOptions Parse(IReadOnlyList<string> words)
    {
        var points = new List<PointSpec>();
        bool quick = words.Contains("quick");
        bool report = words.Contains("report");
        var options = new BenchOptions { Points = points, Rounds = quick ? 1 : 3 };
        for (int i = 0; i < words.Count; i++)
        {
            if (words[i].StartsWith("--", StringComparison.Ordinal))
            {
                string[] parts = words[i].Split('=', 2);
                string value = parts.Length == 2 ? parts[1] : ++i < words.Count ? words[i] : throw new ArgumentException($"{parts[0]} needs a value", nameof(words));
                options = options.With(parts[0], value);
            }
            else if (words[i] != "report")
            {
                points.AddRange(PointSpec.Parse(words[i], quick));
            }
        }
        return points.Count > 0 != report ? options : throw new ArgumentException(report ? "report goes with no points" : "nothing to measure", nameof(words));
    }

    private BenchOptions With(string name, string value) => name switch
    {
        "--peer" => this with { Peer = value },
        "--peer_name" => this with { PeerName = value },
        "--server" => this with { Server = value },
        "--rounds" => this with { Rounds = (int)Number(name, value, 1, 100) },
        "--out" => this with { Out = value },
        "--work" => this with { Work = value },
        "--foreign" => this with { Foreign = Number(name, value, 0, 1024) },
        "--tries" => this with { Tries = (int)Number(name, value, 1, 100) },
        "--patience" => this with { PatienceSeconds = Number(name, value, 0, 86_400) },
        _ => throw new ArgumentException($"no option {name}", nameof(name)),
    };

    private static double Number(string name, string value, double low, double high) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && number >= low && number <= high
            ? number
            : throw new ArgumentException($"{name} takes a number from {low} to {high}, not '{value}'", nameof(value));
}
