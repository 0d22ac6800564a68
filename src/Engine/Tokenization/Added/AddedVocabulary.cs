using System.Text;
using KServePaged.Engine.Tokenization.Models;
using KServePaged.Engine.Tokenization.Normalizers;
using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Added;

/// <summary>
/// The tokens beside the model's own, and how they are cut out of a text: first those that match the text as it came, then, in the
/// normalized rest, those that match normalized.
/// </summary>
internal sealed class AddedVocabulary
{
    private readonly Vocabulary _model;
    private readonly Normalizer? _normalizer;
    private readonly Dictionary<int, AddedToken> _byId = [];
    private readonly Dictionary<string, int> _byContent = new(StringComparer.Ordinal);
    private readonly HashSet<string> _special = new(StringComparer.Ordinal);
    private readonly Dictionary<int, string> _normalizedForms = [];
    private readonly bool _ignoresSpecial;
    private readonly TokenTrie _raw = new();
    private readonly TokenTrie _normalized = new();

    /// <summary>
    /// Ids are given as the reference library gives them: the model's own id of that spelling, otherwise the next free one in the order
    /// of the list, whatever the list says.
    /// </summary>
    /// <param name="model">The model's own tokens.</param>
    /// <param name="normalizer">What becomes of a text before it is looked through again, or null.</param>
    /// <param name="tokens">Those of the tokenizer.</param>
    /// <param name="moreTokens">Those that are added afterwards; one of the same spelling takes the place of the earlier.</param>
    /// <param name="ignoresSpecial">Special tokens are not looked for in texts.</param>
    public AddedVocabulary(
        Vocabulary model, Normalizer? normalizer, IEnumerable<AddedToken> tokens, IEnumerable<AddedToken> moreTokens, bool ignoresSpecial)
    {
        _model = model;
        _normalizer = normalizer;
        _ignoresSpecial = ignoresSpecial;
        Add(tokens);
        Add(moreTokens);
        foreach ((int id, AddedToken token) in _byId)
        {
            Prepare(id, token);
        }
    }

    public int IdLimit => _byId.Count == 0 ? 0 : _byId.Keys.Max() + 1;

    /// <summary>That of the normalizer, 1 without one.</summary>
    public int Shrinkage => _normalizer?.Shrinkage ?? 1;

    public IEnumerable<AddedToken> Tokens => _byId.Values;

    public AddedToken? Find(int id) => _byId.GetValueOrDefault(id);

    public int? IdOf(string content) => _byContent.TryGetValue(content, out int id) ? id : null;

    /// <summary>What a decoder gets for the id: the normalized form where the token matches normalized. Null: not an added token.</summary>
    public string? DecodedForm(int id) => _normalizedForms.GetValueOrDefault(id) ?? Find(id)?.Content;

    /// <summary>Whether a spelling is skipped as special. By spelling, as in the reference library, not by id.</summary>
    public bool IsSpecial(string spelling) => _special.Contains(spelling);

    /// <summary>Cuts added tokens out of the text and normalizes the rest.</summary>
    public void Extract(PieceText text)
    {
        if (!_raw.IsEmpty)
        {
            CutAll(text, _raw);
        }
        if (_normalizer is not null)
        {
            foreach (Piece piece in text.BeginRewrite())
            {
                Normalize(text, piece);
            }
        }
        if (!_normalized.IsEmpty)
        {
            CutAll(text, _normalized);
        }
    }

    private void Add(IEnumerable<AddedToken> tokens)
    {
        int next = Math.Max(IdLimit, _model.Count);
        foreach (AddedToken token in tokens.Where(token => token.Content.Length > 0))
        {
            int id = Assign(token, ref next);
            _byContent[token.Content] = id;
            _byId[id] = token;
            if (token.Special)
            {
                _special.Add(token.Content);
            }
        }
    }

    private int Assign(AddedToken token, ref int next)
    {
        if (_byContent.TryGetValue(token.Content, out int known))
        {
            return known;
        }
        int own = _model.IdOf(Encoding.UTF8.GetBytes(token.Content));
        return own >= 0 ? own : next++;
    }

    private void Prepare(int id, AddedToken token)
    {
        byte[] content = Encoding.UTF8.GetBytes(token.Content);
        if (!token.Normalized)
        {
            _raw.Add(content, id);
            return;
        }
        if (_normalizer is null)
        {
            _normalized.Add(content, id);
            return;
        }
        var form = new Utf8Buffer();
        _normalizer.Normalize(content, form);
        _normalized.Add(form.Written, id);
        string normalized = Encoding.UTF8.GetString(form.Written);
        if (normalized != token.Content)
        {
            _normalizedForms[id] = normalized;
        }
    }

    private void Normalize(PieceText text, in Piece piece)
    {
        if (!piece.IsText)
        {
            text.Add(piece);
            return;
        }
        int start = text.Output.Length;
        bool keepsStart = _normalizer!.Normalize(text.OldTextOf(piece), text.Output); // Extract calls this where there is one
        text.Add(new Piece(start, text.Output.Length - start, Piece.NoToken, piece.AtStart && keepsStart));
    }

    private void CutAll(PieceText text, TokenTrie trie)
    {
        foreach (Piece piece in text.BeginPass())
        {
            if (piece.IsText)
            {
                Cut(text, piece, trie);
            }
            else
            {
                text.Add(piece);
            }
        }
    }

    // A match that is refused still moves the search behind it, and white space that a token swallows may be searched again: both as in
    // the reference library.
    private void Cut(PieceText output, in Piece piece, TokenTrie trie)
    {
        ReadOnlySpan<byte> text = output.TextOf(piece);
        int done = 0;
        for (int from = 0; trie.TryFind(text, from, out int start, out int end, out int id);)
        {
            from = end;
            AddedToken token = _byId[id];
            if (_ignoresSpecial && _special.Contains(token.Content))
            {
                continue;
            }
            if (token.SingleWord && (EndsWithWord(text[..start]) || StartsWithWord(text[end..])))
            {
                continue;
            }
            if (token.StripLeft)
            {
                start = Math.Max(done, WhiteSpace.EndWithoutTrailing(text[..start]));
            }
            if (token.StripRight)
            {
                end += WhiteSpace.LeadingLength(text[end..]);
            }
            if (done < start)
            {
                output.Cut(piece, done, start);
            }
            output.Add(Piece.Token(id));
            done = end;
        }
        if (done != text.Length)
        {
            output.Cut(piece, done, text.Length);
        }
    }

    private static bool EndsWithWord(ReadOnlySpan<byte> text) => !text.IsEmpty && CodePoint.IsWord(CodePoint.Before(text, text.Length, out _));

    private static bool StartsWithWord(ReadOnlySpan<byte> text) => !text.IsEmpty && CodePoint.IsWord(CodePoint.At(text, 0, out _));
}
