using System.Buffers;

namespace KServePaged.Engine.Tokenization.Models;

/// <summary>
/// Byte-pair merging of one word: the pair of lowest rank first, the leftmost of equals. Short words scan for it; long ones keep a heap,
/// so that a megabyte without a space costs n log n.
/// </summary>
internal static class SymbolMerger
{
    // Below this the quadratic scan over two cache lines is faster than the heap.
    private const int ShortWord = 64;

    /// <summary>Merges in place.</summary>
    /// <returns>How many symbols are left at the front of <paramref name="symbols"/>.</returns>
    public static int Merge(Span<int> symbols, MergeTable merges) =>
        symbols.Length <= ShortWord ? MergeByScan(symbols, merges) : MergeByHeap(symbols, merges);

    private static int MergeByScan(Span<int> symbols, MergeTable merges)
    {
        int count = symbols.Length;
        Span<int> ranks = stackalloc int[ShortWord];   // of the pair (i, i + 1)
        Span<int> results = stackalloc int[ShortWord];
        for (int i = 0; i + 1 < count; i++)
        {
            (ranks[i], results[i]) = merges.Find(symbols[i], symbols[i + 1]);
        }
        while (count > 1)
        {
            int best = 0;
            for (int i = 1; i < count - 1; i++)
            {
                best = ranks[i] < ranks[best] ? i : best;
            }
            if (ranks[best] == int.MaxValue)
            {
                break;
            }
            symbols[best] = results[best];
            symbols[(best + 2)..count].CopyTo(symbols[(best + 1)..]);
            ranks[(best + 1)..count].CopyTo(ranks[best..]);
            results[(best + 1)..count].CopyTo(results[best..]);
            count--;
            if (best > 0)
            {
                (ranks[best - 1], results[best - 1]) = merges.Find(symbols[best - 1], symbols[best]);
            }
            if (best + 1 < count)
            {
                (ranks[best], results[best]) = merges.Find(symbols[best], symbols[best + 1]);
            }
        }
        return count;
    }

    private static int MergeByHeap(Span<int> symbols, MergeTable merges)
    {
        int count = symbols.Length;
        int[] nextOf = ArrayPool<int>.Shared.Rent(count);
        int[] previousOf = ArrayPool<int>.Shared.Rent(count);
        var heap = new MergeHeap(count);
        for (int i = 0; i < count; i++)
        {
            (previousOf[i], nextOf[i]) = (i - 1, i + 1 < count ? i + 1 : -1);
            if (i + 1 < count)
            {
                heap.Offer(merges.Find(symbols[i], symbols[i + 1]), i);
            }
        }
        while (heap.TryTake(out int at, out int merged))
        {
            int next = symbols[at] < 0 ? -1 : nextOf[at];
            if (next < 0 || merges.Find(symbols[at], symbols[next]).Merged != merged)
            {
                continue; // the pair is gone since it was offered
            }
            symbols[at] = merged;
            symbols[next] = -1;
            nextOf[at] = nextOf[next];
            if (nextOf[at] >= 0)
            {
                previousOf[nextOf[at]] = at;
                heap.Offer(merges.Find(merged, symbols[nextOf[at]]), at);
            }
            if (previousOf[at] >= 0)
            {
                heap.Offer(merges.Find(symbols[previousOf[at]], merged), previousOf[at]);
            }
        }
        int left = 0;
        for (int at = 0; at >= 0; at = nextOf[at])
        {
            symbols[left++] = symbols[at];
        }
        heap.Dispose();
        ArrayPool<int>.Shared.Return(nextOf);
        ArrayPool<int>.Shared.Return(previousOf);
        return left;
    }
}
