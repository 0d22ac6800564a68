using System.Text;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Tokenization;

namespace KServePaged.Engine.Processing;

/// <summary>The model's tokenizer and chat template, where it has them. Any thread.</summary>
/// <param name="tokenizer">Null: the model serves token ids only.</param>
/// <param name="renderChat">A conversation to the text that the model reads; null = no chat template.</param>
/// <param name="vocabularySize">Of the model.</param>
internal sealed class TextCodec(ITokenizer? tokenizer, Func<Prompt.Chat, string>? renderChat, int vocabularySize) : ITextCodec
{
    public ITokenizer? Tokenizer => tokenizer;

    public bool HasChatTemplate => renderChat is not null;

    public IReadOnlyList<int> Encode(Prompt prompt) => prompt switch
    {
        Prompt.TokenIds given => Check(given.Ids),
        Prompt.Text text => Require().Encode(text.Value, text.AddSpecialTokens),
        Prompt.Chat chat => Require().Encode(Render(chat), chat.AddSpecialTokens),
        _ => throw new ArgumentOutOfRangeException(nameof(prompt)),
    };

    public string Decode(IReadOnlyList<int> tokenIds, bool skipSpecialTokens) => Require().Decode(Check(tokenIds), skipSpecialTokens);

    public string? TokenOf(int tokenId) => tokenizer?.TokenOf(tokenId);

    /// <exception cref="RequestException">Unsupported: the model has no chat template. InvalidArgument: the template refuses the conversation.</exception>
    public string Render(Prompt.Chat chat) => renderChat is not null
        ? renderChat(chat)
        : throw new RequestException(
            EngineErrorCode.Unsupported, "This model has no chat template, so it takes no messages; send a prompt instead.", "messages");

    /// <exception cref="RequestException">An id is not in the vocabulary.</exception>
    public int[] Check(IReadOnlyList<int> ids)
    {
        int[] copy = [.. ids];
        int bad = Array.FindIndex(copy, id => (uint)id >= (uint)vocabularySize);
        return bad < 0
            ? copy
            : throw new RequestException(
                EngineErrorCode.InvalidArgument, $"Token id {copy[bad]} at position {bad} is out of vocabulary; ids are 0 to {vocabularySize - 1}.", "prompt");
    }

    /// <exception cref="RequestException">Unsupported: the model has no tokenizer.</exception>
    public ITokenizer Require() => tokenizer ?? throw new RequestException(
        EngineErrorCode.Unsupported, "This model has no tokenizer, so it takes and gives token ids only.", "prompt");

    /// <summary>A token's bytes and their text; empty without a tokenizer.</summary>
    public (string Text, ReadOnlyMemory<byte> Bytes) Spell(int id)
    {
        ReadOnlyMemory<byte> bytes = tokenizer?.BytesOf(id) ?? default;
        return (Encoding.UTF8.GetString(bytes.Span), bytes);
    }
}
