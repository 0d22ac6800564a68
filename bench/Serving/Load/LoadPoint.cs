using System.Globalization;

namespace KServePaged.Serving.Load;

/// <summary>One thing that is measured: how requests arrive, and what they ask for.</summary>
/// <param name="Name">On the command line and in results.</param>
/// <param name="Streams">Requests under way at a time; in an open loop the most that the servers are set up for.</param>
/// <param name="Requests">How many; 0 measures the start of the server alone.</param>
internal sealed record LoadPoint(string Name, int Streams, int Requests)
{
    private const int FirstToken = 300; // past specials and bytes
    private const int LastToken = 31_999;

    public TokenRange Prompt { get; init; } = new(32, 512);

    public TokenRange Output { get; init; } = new(16, 256);

    /// <summary>Arrivals a second of a Poisson process; 0: a closed loop.</summary>
    public double Rate { get; init; }

    /// <summary>Tokens that <see cref="PrefixUses"/> requests in a row begin with.</summary>
    public int PrefixTokens { get; init; }

    public int PrefixUses { get; init; } = 1;

    /// <summary>The same load once more with a busy loop beside the server.</summary>
    public bool BesideBusyLoop { get; init; }

    /// <param name="name">
    /// <c>closed-N</c>: N streams. <c>poisson-R</c>: R arrivals a second. <c>prefill</c>: long prompts. <c>decode</c>: one stream, short prompts.
    /// <c>prefix</c>: prompts of 992 tokens of which 960 repeat. <c>busy-N</c>: N streams, without and with a busy loop beside. <c>start</c>: the start alone.
    /// </param>
    /// <param name="quick">Fewer requests.</param>
    public static LoadPoint Named(string name, bool quick)
    {
        string[] parts = name.Split('-', 2);
        double number = parts.Length == 2 && double.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out double parsed) ? parsed : 0;
        int streams = number is >= 1 and <= 1024 ? (int)number : 0;
        int less = quick ? 2 : 1;
        int requests = (streams < 8 ? 12 : streams <= 16 ? 4 * streams : 3 * streams) / less;
        return (parts[0], parts.Length, streams, number) switch
        {
            ("closed", 2, > 0, _) => new LoadPoint(name, streams, requests),
            ("busy", 2, > 0, _) => new LoadPoint(name, streams, requests) { BesideBusyLoop = true },
            ("poisson", 2, _, > 0) => new LoadPoint(name, 64, 80 / less) { Rate = number },
            ("prefill", 1, _, _) => new LoadPoint(name, 1, 8 / less) { Prompt = new(512, 1024), Output = new(1, 1) },
            ("decode", 1, _, _) => new LoadPoint(name, 1, 6 / less) { Prompt = new(16, 16), Output = new(128, 128) },
            ("prefix", 1, _, _) => new LoadPoint(name, 1, 16 / less) { Prompt = new(32, 32), Output = new(8, 8), PrefixTokens = 960, PrefixUses = 4 },
            ("start", 1, _, _) => new LoadPoint(name, 1, 0),
            _ => throw new ArgumentException($"no point '{name}'; there are closed-N, poisson-RATE, prefill, decode, prefix, busy-N and start", nameof(name)),
        };
    }

    /// <summary>The requests of a run: the same for the same seed, whatever the server.</summary>
    public IReadOnlyList<LoadRequest> Draw(int seed)
    {
        var random = new Random(seed);
        var requests = new List<LoadRequest>(Requests);
        int[] prefix = [];
        double at = 0;
        for (int i = 0; i < Requests; i++)
        {
            bool fresh = i % PrefixUses == 0;
            prefix = fresh ? Tokens(random, PrefixTokens) : prefix;
            int[] prompt = [.. prefix, .. Tokens(random, Prompt.Draw(random))];
            int output = Output.Draw(random);
            at += Rate > 0 ? -Math.Log(1 - random.NextDouble()) / Rate : 0;
            requests.Add(new LoadRequest(prompt, output, !fresh, at));
        }
        return requests;
    }

    private static int[] Tokens(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(FirstToken, LastToken + 1))];
}
