using System.Buffers;
using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Models;

/// <summary>Byte-pair encoding, byte-level (GPT-2, Llama 3, Qwen) and in SentencePiece's manner (Llama 2, Mistral, Gemma).</summary>
internal sealed class BpeModel : TokenModel
{
    private static readonly byte[] Marker = "▁"u8.ToArray();

    private readonly MergeTable _merges;
    private readonly BpeOptions _options;
    private readonly int[] _byteTokens;       // <0x00>…<0xFF>, -1 where missing
    private readonly int[] _firstSymbols;     // raw bytes: of each byte; otherwise: of each ASCII character
    private readonly bool[]? _mayPrecedeMarker;
    private readonly int _longestSpelling;
    private readonly WordCache _cache = new();

    /// <param name="mayPrecedeMarker">
    /// Bytes that stand before a ▁ inside some merged token. At a ▁ behind any other byte no merge can cross, so the text falls into words
    /// there without changing the result. Null: not looked into.
    /// </param>
    public BpeModel(Vocabulary vocabulary, MergeTable merges, BpeOptions options, bool[]? mayPrecedeMarker)
        : base(vocabulary)
    {
        _merges = merges;
        _options = options;
        _byteTokens = ByteTokens(vocabulary);
        _firstSymbols = options.RawBytes ? ByteSymbols(vocabulary) : Enumerable.Range(0, 128).Select(c => vocabulary.IdOf([(byte)c])).ToArray();
        // Where a character can vanish its neighbours become neighbours, so that a ▁ may merge with one before it.
        bool nothingVanishes = options.UnknownId >= 0 || (options.ByteFallback && !_byteTokens.Contains(-1));
        bool plain = nothingVanishes && !options.IgnoreMerges && !options.RawBytes
            && options.ContinuingPrefix.Length + options.EndOfWordSuffix.Length == 0;
        _mayPrecedeMarker = plain && vocabulary.IdOf(Marker) >= 0 ? mayPrecedeMarker : null;
        for (int id = 0; id < vocabulary.IdLimit; id++)
        {
            _longestSpelling = Math.Max(_longestSpelling, vocabulary.SpellingOf(id).Length);
        }
    }

    /// <summary>Ids of the 256 one-byte tokens of a byte-level vocabulary; -1 where one is missing.</summary>
    public static int[] ByteSymbols(Vocabulary vocabulary) =>
        Enumerable.Range(0, 256).Select(value => vocabulary.IdOf(System.Text.Encoding.UTF8.GetBytes([ByteLevelAlphabet.CharOf((byte)value)]))).ToArray();

    public override bool CoversAnyLength =>
        !_options.RawBytes && (_options.UnknownId < 0 || _options.FuseUnknown) && !(_options.ByteFallback && !_byteTokens.Contains(-1));

    public override void Tokenize(ReadOnlySpan<byte> word, List<int> ids)
    {
        if (_mayPrecedeMarker is not null)
        {
            for (int end = MarkerBorder(word); end < word.Length; end = MarkerBorder(word))
            {
                TokenizeWord(word[..end], ids);
                word = word[end..];
            }
        }
        TokenizeWord(word, ids);
    }

    private int MarkerBorder(ReadOnlySpan<byte> text)
    {
        for (int from = 1; from < text.Length;)
        {
            int at = text[from..].IndexOf(Marker);
            if (at < 0)
            {
                break;
            }
            at += from;
            if (!_mayPrecedeMarker![text[at - 1]]) // only called where it is set
            {
                return at;
            }
            from = at + Marker.Length;
        }
        return text.Length;
    }

    private void TokenizeWord(ReadOnlySpan<byte> word, List<int> ids)
    {
        uint hash = Vocabulary.Hash(word);
        if (_cache.TryAppend(word, hash, ids))
        {
            return;
        }
        int[]? rented = null;
        Span<int> symbols = word.Length <= 128 ? stackalloc int[128] : (rented = ArrayPool<int>.Shared.Rent(word.Length));
        int count;
        if (_options.IgnoreMerges && FindWhole(word) is int whole and >= 0)
        {
            symbols[0] = whole;
            count = 1;
        }
        else
        {
            count = _options.RawBytes ? FirstSymbolsOfBytes(word, symbols) : FirstSymbolsOfCharacters(word, ref symbols, ref rented);
            count = SymbolMerger.Merge(symbols[..count], _merges);
        }
        ids.AddRange(symbols[..count]);
        _cache.Store(word, hash, symbols[..count]);
        if (rented is not null)
        {
            ArrayPool<int>.Shared.Return(rented);
        }
    }

    private int FindWhole(ReadOnlySpan<byte> word)
    {
        if (word.Length > _longestSpelling)
        {
            return -1;
        }
        if (!_options.RawBytes)
        {
            return Vocabulary.IdOf(word);
        }
        var spelling = new Utf8Buffer();
        ByteLevelAlphabet.Spell(word, spelling);
        return Vocabulary.IdOf(spelling.Written);
    }

    private int FirstSymbolsOfBytes(ReadOnlySpan<byte> word, Span<int> symbols)
    {
        for (int i = 0; i < word.Length; i++)
        {
            symbols[i] = _firstSymbols[word[i]];
        }
        return word.Length;
    }

    // Prefix and suffix may make a character's byte tokens more than its bytes: the array then grows.
    private int FirstSymbolsOfCharacters(ReadOnlySpan<byte> word, ref Span<int> symbols, ref int[]? rented)
    {
        int count = 0;
        bool unknownWaits = false;
        for (int at = 0, length; at < word.Length; at += length)
        {
            length = CodePoint.LengthAt(word, at);
            ReadOnlySpan<byte> spelling = Affixed(word.Slice(at, length), at == 0, at + length == word.Length);
            if (count + spelling.Length + 1 > symbols.Length)
            {
                int[] larger = ArrayPool<int>.Shared.Rent(Math.Max(2 * symbols.Length, count + spelling.Length + 1));
                symbols[..count].CopyTo(larger);
                symbols = rented = larger;
            }
            int id = spelling.Length == 1 && spelling[0] < 128 ? _firstSymbols[spelling[0]] : Vocabulary.IdOf(spelling);
            if (id >= 0)
            {
                FlushUnknown(symbols, ref count, ref unknownWaits);
                symbols[count++] = id;
            }
            else if (!_options.ByteFallback || !TryAddByteTokens(spelling, symbols, ref count))
            {
                if (!_options.FuseUnknown)
                {
                    FlushUnknown(symbols, ref count, ref unknownWaits);
                }
                unknownWaits = _options.UnknownId >= 0;
            }
        }
        FlushUnknown(symbols, ref count, ref unknownWaits);
        return count;
    }

    private ReadOnlySpan<byte> Affixed(ReadOnlySpan<byte> character, bool isFirst, bool isLast)
    {
        ReadOnlySpan<byte> prefix = isFirst ? default : _options.ContinuingPrefix;
        ReadOnlySpan<byte> suffix = isLast ? _options.EndOfWordSuffix : default;
        return prefix.IsEmpty && suffix.IsEmpty ? character : (byte[])[.. prefix, .. character, .. suffix];
    }

    // The unknown token waits for the next known character, so byte tokens in between come before it: the reference library's order.
    private void FlushUnknown(Span<int> symbols, ref int count, ref bool waits)
    {
        if (waits)
        {
            symbols[count++] = _options.UnknownId;
            waits = false;
        }
    }

    private bool TryAddByteTokens(ReadOnlySpan<byte> spelling, Span<int> symbols, ref int count)
    {
        for (int i = 0; i < spelling.Length; i++)
        {
            if ((symbols[count + i] = _byteTokens[spelling[i]]) < 0)
            {
                return false;
            }
        }
        count += spelling.Length;
        return true;
    }
}
