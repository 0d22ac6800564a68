namespace KServePaged.Engine.Contracts;

/// <summary>The model's tokenizer and chat template as the protocols see them.</summary>
public interface ITextCodec
{
    /// <exception cref="RequestException">The prompt cannot be turned into tokens.</exception>
    IReadOnlyList<int> Encode(Prompt prompt);

    /// <exception cref="RequestException">An id is not in the vocabulary, or the model has no tokenizer.</exception>
    string Decode(IReadOnlyList<int> tokenIds, bool skipSpecialTokens);

    /// <returns>The vocabulary's spelling of the token, or null where the id has none.</returns>
    string? TokenOf(int tokenId);
}
