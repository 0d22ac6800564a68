using System.Runtime.InteropServices;

namespace KServePaged.Engine.Sampling;

/// <summary>How a sampling call's results lie: three arrays of a word a row, then two of MaxTop words a row.</summary>
/// <param name="Rows">Rows of logits.</param>
/// <param name="MaxTop">Alternatives that a row has room for.</param>
internal readonly record struct SampledRows(int Rows, int MaxTop)
{
    private const int Alignment = 64;

    public int LogprobsAt => Padded(Rows);

    public int RanksAt => 2 * Padded(Rows);

    public int TopIdsAt => 3 * Padded(Rows);

    public int TopLogprobsAt => TopIdsAt + Padded(checked(Rows * MaxTop));

    public int Bytes => checked(TopLogprobsAt + Padded(Rows * MaxTop));

    /// <summary>[rows] chosen or given ids, first of all; -1 where the logits held a NaN or no finite number.</summary>
    public ReadOnlySpan<int> Tokens(ReadOnlySpan<byte> results) => Words<int>(results, 0, Rows);

    public ReadOnlySpan<float> Logprobs(ReadOnlySpan<byte> results) => Words<float>(results, LogprobsAt, Rows);

    public ReadOnlySpan<int> Ranks(ReadOnlySpan<byte> results) => Words<int>(results, RanksAt, Rows);

    /// <summary>[rows, MaxTop], best first.</summary>
    public ReadOnlySpan<int> TopIds(ReadOnlySpan<byte> results) => Words<int>(results, TopIdsAt, Rows * MaxTop);

    public ReadOnlySpan<float> TopLogprobs(ReadOnlySpan<byte> results) => Words<float>(results, TopLogprobsAt, Rows * MaxTop);

    private static ReadOnlySpan<T> Words<T>(ReadOnlySpan<byte> results, int at, int count)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(results.Slice(at, count * sizeof(int)));

    private static int Padded(int words) => checked((words * sizeof(int)) + Alignment - 1) / Alignment * Alignment;
}
