using System.Runtime.InteropServices;
using System.Text;
using KServePaged.Engine.Tokenization.Added;
using KServePaged.Engine.Tokenization.Decoders;
using KServePaged.Engine.Tokenization.Models;
using KServePaged.Engine.Tokenization.PostProcessors;
using KServePaged.Engine.Tokenization.PreTokenizers;
using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization;

/// <summary>The tokenizer that a tokenizer.json describes.</summary>
internal sealed class HuggingFaceTokenizer : ITokenizer
{
    // A workspace that served a huge text is left to the garbage collector.
    private const long MaxRetainedBytes = 4 << 20;

    private readonly TokenModel _model;
    private readonly AddedVocabulary _added;
    private readonly PreTokenizer? _preTokenizer;
    private readonly PostProcessor _postProcessor;
    private readonly IReadOnlyList<TokenDecoder> _decoders;
    private readonly string?[] _decodedForms;
    private Workspace? _idle;

    public HuggingFaceTokenizer(
        TokenModel model, AddedVocabulary added, PreTokenizer? preTokenizer, PostProcessor postProcessor, IReadOnlyList<TokenDecoder> decoders)
    {
        _model = model;
        _added = added;
        _preTokenizer = preTokenizer;
        _postProcessor = postProcessor;
        _decoders = decoders;
        VocabularySize = Math.Max(model.Vocabulary.IdLimit, added.IdLimit);
        _decodedForms = new string?[VocabularySize];
        LongestTokenLength = FindLongest();
    }

    public int VocabularySize { get; }

    public int LongestTokenLength { get; }

    public int[] Encode(string text, bool addSpecialTokens)
    {
        Workspace workspace = Interlocked.Exchange(ref _idle, null) ?? new Workspace();
        EncodeInto(text, workspace);
        int[] ids = _postProcessor.Apply(CollectionsMarshal.AsSpan(workspace.Ids), second: null, addSpecialTokens);
        if (workspace.RetainedBytes <= MaxRetainedBytes)
        {
            _idle = workspace;
        }
        return ids;
    }

    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        var pipeline = new DecodePipeline(_decoders, streaming: false);
        foreach (int id in ids)
        {
            if (DecodedForm(id, skipSpecialTokens) is { } token)
            {
                pipeline.Push(token);
            }
        }
        pipeline.Finish();
        return pipeline.Text.ToString();
    }

    public string? TokenOf(int id) => _added.Find(id)?.Content ?? (_model.Vocabulary.Contains(id) ? ModelSpelling(id) : null);

    public int? IdOf(string token) => _added.IdOf(token) ?? (_model.Vocabulary.IdOf(Encoding.UTF8.GetBytes(token)) is var id and >= 0 ? id : null);

    public bool IsSpecial(int id) => TokenOf(id) is { } token && _added.IsSpecial(token);

    public ReadOnlyMemory<byte> BytesOf(int id)
    {
        if (_added.Find(id) is { Special: true } special)
        {
            return Encoding.UTF8.GetBytes(special.Content);
        }
        string? token = DecodedForm(id, skipSpecialTokens: false);
        return token is null ? default : DecodePipeline.BytesInMiddle(_decoders, token);
    }

    public IncrementalDetokenizer CreateDetokenizer(bool skipSpecialTokens) =>
        new StreamingDetokenizer(id => DecodedForm(id, skipSpecialTokens), new DecodePipeline(_decoders, streaming: true));

    private void EncodeInto(string text, Workspace workspace)
    {
        workspace.Text.Reset(text);
        workspace.Ids.Clear();
        _added.Extract(workspace.Text);
        _preTokenizer?.Apply(workspace.Text);
        foreach (Piece piece in workspace.Text.Pieces)
        {
            if (piece.IsText)
            {
                _model.Tokenize(workspace.Text.TextOf(piece), workspace.Ids);
            }
            else
            {
                workspace.Ids.Add(piece.TokenId);
            }
        }
    }

    /// <returns>What the decoders get for an id; null for none, or for a special token that is to be skipped.</returns>
    private string? DecodedForm(int id, bool skipSpecialTokens)
    {
        if ((uint)id >= (uint)_decodedForms.Length)
        {
            return null;
        }
        string? token = _decodedForms[id] ??= _added.DecodedForm(id) ?? (_model.Vocabulary.Contains(id) ? ModelSpelling(id) : null);
        return token is null || (skipSpecialTokens && _added.IsSpecial(token)) ? null : token;
    }

    private string ModelSpelling(int id) => Encoding.UTF8.GetString(_model.Vocabulary.SpellingOf(id));

    private int FindLongest()
    {
        if (_model.CoversAnyLength || _preTokenizer?.DropsText == true || _added.Tokens.Any(token => token.StripLeft || token.StripRight))
        {
            return int.MaxValue;
        }
        int longest = 1;
        for (int id = 0; id < _model.Vocabulary.IdLimit; id++)
        {
            longest = Math.Max(longest, Encoding.UTF8.GetCharCount(_model.Vocabulary.SpellingOf(id)));
        }
        longest = _added.Tokens.Aggregate(longest, (max, token) => Math.Max(max, token.Content.Length));
        return (int)Math.Min(int.MaxValue, (long)longest * _added.Shrinkage);
    }

    private sealed class Workspace
    {
        public PieceText Text { get; } = new();

        public List<int> Ids { get; } = [];

        public long RetainedBytes => Text.RetainedBytes + (4L * Ids.Capacity);
    }
}
