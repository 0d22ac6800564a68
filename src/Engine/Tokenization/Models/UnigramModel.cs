using System.Buffers;
using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Models;

/// <summary>SentencePiece's unigram model: the tokens whose scores add up highest.</summary>
internal sealed class UnigramModel : TokenModel
{
    // A character without a token costs this much more than the worst token.
    private const double UnknownPenalty = 10;

    private readonly ByteTrie _trie = new();
    private readonly double[] _scores;
    private readonly int _unknownId;
    private readonly double _unknownScore;
    private readonly int[]? _byteTokens;
    private readonly WordCache _cache = new();

    /// <param name="vocabulary">Ids are places in the list of scores.</param>
    /// <param name="scores">By id.</param>
    /// <param name="unknownId">The unknown token, or -1.</param>
    /// <param name="byteFallback">Unknown text becomes the tokens of its bytes where all exist.</param>
    public UnigramModel(Vocabulary vocabulary, double[] scores, int unknownId, bool byteFallback)
        : base(vocabulary)
    {
        _scores = scores;
        _unknownId = unknownId;
        _unknownScore = (scores.Length == 0 ? double.PositiveInfinity : scores.Min()) - UnknownPenalty;
        _byteTokens = byteFallback ? ByteTokens(vocabulary) : null;
        for (int id = 0; id < vocabulary.IdLimit; id++)
        {
            _trie.Add(vocabulary.SpellingOf(id), id);
        }
    }

    public override bool CoversAnyLength => _byteTokens?.Contains(-1) != false;

    public override void Tokenize(ReadOnlySpan<byte> word, List<int> ids)
    {
        uint hash = Vocabulary.Hash(word);
        if (_cache.TryAppend(word, hash, ids))
        {
            return;
        }
        int before = ids.Count;
        Node[] best = ArrayPool<Node>.Shared.Rent(word.Length + 1);
        best.AsSpan(0, word.Length + 1).Fill(new Node(0, -1, -1));
        FindBest(word, best);
        AppendPath(word, best, ids);
        ArrayPool<Node>.Shared.Return(best);
        _cache.Store(word, hash, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(ids)[before..]);
    }

    private void FindBest(ReadOnlySpan<byte> word, Node[] best)
    {
        for (int start = 0, length; start < word.Length; start += length)
        {
            length = CodePoint.LengthAt(word, start);
            double soFar = best[start].Score;
            bool isCharacterKnown = false;
            for (int node = 0, at = start; at < word.Length && (node = _trie.Step(node, word[at])) >= 0; at++)
            {
                int id = _trie.ValueAt(node);
                if (id >= 0)
                {
                    Offer(ref best[at + 1], new Node(_scores[id] + soFar, start, id));
                    isCharacterKnown |= at + 1 - start == length;
                }
            }
            if (!isCharacterKnown)
            {
                Offer(ref best[start + length], new Node(_unknownScore + soFar, start, _unknownId >= 0 ? _unknownId : throw UnknownText()));
            }
        }
    }

    private static void Offer(ref Node current, Node candidate)
    {
        if (current.Start < 0 || candidate.Score > current.Score)
        {
            current = candidate;
        }
    }

    // Neighbouring unknown characters are one unknown text.
    private void AppendPath(ReadOnlySpan<byte> word, Node[] best, List<int> ids)
    {
        var borders = new List<(int Start, int End)>();
        bool previousUnknown = false;
        for (int end = word.Length; end > 0; end = best[end].Start)
        {
            bool isUnknown = best[end].Id == _unknownId;
            if (isUnknown && previousUnknown)
            {
                borders[^1] = (best[end].Start, borders[^1].End);
            }
            else
            {
                borders.Add((best[end].Start, end));
            }
            previousUnknown = isUnknown;
        }
        for (int i = borders.Count - 1; i >= 0; i--)
        {
            AppendPiece(word[borders[i].Start..borders[i].End], ids);
        }
    }

    private void AppendPiece(ReadOnlySpan<byte> piece, List<int> ids)
    {
        int id = Vocabulary.IdOf(piece);
        if (id < 0 && _byteTokens is not null && !HasMissingByte(piece))
        {
            foreach (byte value in piece)
            {
                ids.Add(_byteTokens[value]);
            }
            return;
        }
        ids.Add(id >= 0 ? id : _unknownId);
    }

    private bool HasMissingByte(ReadOnlySpan<byte> piece)
    {
        foreach (byte value in piece)
        {
            if (_byteTokens![value] < 0) // asked only where there is byte fallback
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>The best way to a place in the word.</summary>
    private readonly record struct Node(double Score, int Start, int Id);
}
