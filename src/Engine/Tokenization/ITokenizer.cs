namespace KServePaged.Engine.Tokenization;

/// <summary>Text to token ids and back. Immutable once loaded; any thread may call it.</summary>
internal interface ITokenizer
{
    /// <summary>One more than the largest id that it knows, added tokens included.</summary>
    int VocabularySize { get; }

    /// <summary>
    /// UTF-16 characters of text that one token can stand for at most; bounds the tokens of a text from below without tokenizing it.
    /// <see cref="int.MaxValue"/> where there is no such bound (white space is swallowed, unknown text becomes one token…).
    /// </summary>
    int LongestTokenLength { get; }

    /// <param name="addSpecialTokens">Whether the post-processor adds its own tokens (BOS…).</param>
    int[] Encode(string text, bool addSpecialTokens);

    /// <summary>The text of the ids. Ids outside the vocabulary contribute nothing.</summary>
    string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens);

    /// <returns>The vocabulary's own spelling (<c>Ġthe</c>, <c>&lt;0x0A&gt;</c>, <c>&lt;s&gt;</c>), or null where the id has none.</returns>
    string? TokenOf(int id);

    /// <returns>The id of a vocabulary entry or added token spelled exactly so, or null.</returns>
    int? IdOf(string token);

    /// <summary>True for added tokens marked special.</summary>
    bool IsSpecial(int id);

    /// <summary>
    /// The bytes that a token contributes in the middle of a text (a token may hold part of a character; a special token spells itself);
    /// empty for an unknown id.
    /// </summary>
    ReadOnlyMemory<byte> BytesOf(int id);

    /// <summary>
    /// A decoder for one growing output. Its pieces add up to <see cref="Decode"/> of all ids, but for one case: where byte tokens follow
    /// each other and turn out not to be UTF-8, Decode makes U+FFFD of all of them, and the characters that a stream has shown stay.
    /// </summary>
    IncrementalDetokenizer CreateDetokenizer(bool skipSpecialTokens);
}
