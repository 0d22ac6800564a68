using KServePaged.Kernels.Tests.Harness;

namespace KServePaged.Kernels.Tests.Oracle;

/// <summary>The distribution that one row is drawn from, by sorting, in double precision.</summary>
internal sealed class SamplingOracle
{
    private readonly double[] _weights; // exp of what the filters see, by id

    public SamplingOracle(SampleCase c)
    {
        double[] logits = Changed(c);
        Greedy = Array.IndexOf(logits, logits.Max());
        double temperature = c.Temperature == 0 ? 1 : c.Temperature;
        _weights = [.. logits.Select(logit => Math.Exp((logit - logits[Greedy]) / temperature))];
        // OrderBy is stable: equal logits stay in the order of their ids.
        int[] order = [.. Enumerable.Range(0, logits.Length).Where(id => !double.IsNegativeInfinity(logits[id])).OrderByDescending(id => logits[id])];
        Kept = Filtered(c, order, logits);
        LargestDropped = order.Length > Kept.Length ? order[Kept.Length] : null;
        Total = Kept.Sum(id => _weights[id]);
    }

    /// <summary>Id of the largest logit before temperature.</summary>
    public int Greedy { get; }

    /// <summary>Ids that can be drawn, likeliest first.</summary>
    public int[] Kept { get; }

    /// <summary>The first id behind the cut; null where nothing with a finite logit was dropped.</summary>
    public int? LargestDropped { get; }

    private double Total { get; }

    public double Probability(int id) => _weights[id] / Total;

    public double Score(int id, ulong seed, ulong position) => _weights[id] / PhiloxOracle.Exponential(seed, position, id);

    /// <summary>The id that wins the draw; null where the second is so close that single precision may decide otherwise.</summary>
    public int? Draw(ulong seed, ulong position)
    {
        int winner = -1;
        double best = 0;
        double second = 0;
        foreach (int id in Kept)
        {
            double score = Score(id, seed, position);
            if (score > best)
            {
                (winner, best, second) = (id, score, best);
            }
            else if (score > second)
            {
                second = score;
            }
        }
        return second > best * (1 - 1e-4) ? null : winner;
    }

    /// <summary>A position at which this id would win against everything kept, whether or not it is kept itself.</summary>
    public ulong? PositionWonBy(int id, ulong seed, int attempts)
    {
        double likeliest = Kept.Max(one => _weights[one]);
        for (ulong position = 0; position < (ulong)attempts; position++)
        {
            double score = Score(id, seed, position);
            // Most positions are out already because the likeliest id beats this one there.
            if (score > Score(Kept[0], seed, position) && score > likeliest * 0.1
                && Kept.All(other => other == id || Score(other, seed, position) < score * (1 - 1e-4)))
            {
                return position;
            }
        }
        return null;
    }

    private static double[] Changed(SampleCase c)
    {
        double[] logits = [.. c.Logits.Select(logit => (double)logit)];
        foreach (int id in c.Banned)
        {
            logits[id] = double.NegativeInfinity;
        }
        foreach ((int id, float value) in c.Bias)
        {
            logits[id] += value;
        }
        foreach ((int id, int count) in c.History)
        {
            logits[id] = logits[id] > 0 ? logits[id] / c.Repetition : logits[id] * c.Repetition;
            logits[id] -= (c.Frequency * (double)count) + (count > 0 ? c.Presence : 0);
        }
        return logits;
    }

    private int[] Filtered(SampleCase c, int[] order, double[] logits)
    {
        IEnumerable<int> kept = order.Where(id => _weights[id] >= c.MinP * _weights[order[0]]);
        if (c.TopK > 0 && c.TopK < order.Length)
        {
            double smallest = logits[order[c.TopK - 1]];
            kept = kept.Where(id => logits[id] >= smallest);
        }
        int[] survivors = [.. kept];
        if (c.TopP >= 1)
        {
            return survivors;
        }
        double target = c.TopP * survivors.Sum(id => _weights[id]);
        double before = 0;
        return [.. survivors.TakeWhile(id => (before += _weights[id]) - _weights[id] < target)];
    }
}
