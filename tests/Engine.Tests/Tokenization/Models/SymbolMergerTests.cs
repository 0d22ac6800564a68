using KServePaged.Engine.Tokenization.Models;

namespace KServePaged.Engine.Tests.Tokenization.Models;

public sealed class SymbolMergerTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Merge_OnRandomMerges_IsTheNaiveRepetition(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 60; round++)
        {
            const int Alphabet = 5;
            var merges = new List<(int Left, int Right)>();
            for (int i = 0; i < 40; i++)
            {
                merges.Add((random.Next(Alphabet + i), random.Next(Alphabet + i)));
            }
            var table = new MergeTable(merges.Count);
            for (int rank = 0; rank < merges.Count; rank++)
            {
                table.Add(merges[rank].Left, merges[rank].Right, rank, Alphabet + rank);
            }
            int[] symbols = [.. Enumerable.Range(0, random.Next(1, 400)).Select(_ => random.Next(Alphabet))];
            List<int> expected = MergeNaively(symbols, merges, Alphabet);
            int count = SymbolMerger.Merge(symbols, table);
            Assert.Equal(expected, symbols[..count]);
        }
    }

    [Fact]
    public void Merge_WhenAPairIsThereTwice_TakesItsLaterPlace()
    {
        var table = new MergeTable(3);
        table.Add(1, 2, rank: 0, merged: 12);
        table.Add(2, 3, rank: 1, merged: 23);
        table.Add(1, 2, rank: 2, merged: 12);
        int[] symbols = [1, 2, 3];
        Assert.Equal(2, SymbolMerger.Merge(symbols, table));
        Assert.Equal([1, 23], symbols[..2]);
    }

    private static List<int> MergeNaively(int[] symbols, List<(int Left, int Right)> merges, int alphabet)
    {
        List<int> word = [.. symbols];
        while (true)
        {
            int bestRank = int.MaxValue, bestAt = -1;
            for (int i = 0; i + 1 < word.Count; i++)
            {
                int rank = merges.LastIndexOf((word[i], word[i + 1]));
                if (rank >= 0 && rank < bestRank)
                {
                    (bestRank, bestAt) = (rank, i);
                }
            }
            if (bestAt < 0)
            {
                return word;
            }
            word[bestAt] = alphabet + bestRank;
            word.RemoveAt(bestAt + 1);
        }
    }
}
