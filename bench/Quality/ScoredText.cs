using System.Text.Json;
using KServePaged.Engine.Contracts;

namespace KServePaged.Quality;

/// <summary>Token ids, and which of them count: answers in a conversation, all but the first in a plain text.</summary>
internal sealed record ScoredText(int[] Ids, bool[] Counts)
{
    private const int TurnsPerConversation = 4;

    /// <summary>Questions and answers (<c>Q: …</c>, <c>A: …</c>) as conversations of some turns; the answers count.</summary>
    public static IEnumerable<ScoredText> Conversations(ITextCodec codec, string text) =>
        text.Split('\n').Where(line => line.StartsWith("Q: ", StringComparison.Ordinal) || line.StartsWith("A: ", StringComparison.Ordinal))
            .Select(line => line[3..]).Chunk(2).Chunk(TurnsPerConversation).Select(turns => Conversation(codec, turns));

    /// <summary>Texts that are separated by empty lines.</summary>
    public static IEnumerable<ScoredText> Plain(ITextCodec codec, string text) =>
        from part in text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)
        let ids = codec.Encode(new Prompt.Text(part.Trim())).ToArray()
        select new ScoredText(ids, [.. ids.Select((_, i) => i > 0)]);

    private static ScoredText Conversation(ITextCodec codec, string[][] turns)
    {
        string[] said = [.. turns.SelectMany(turn => turn)];
        int[] all = Render(codec, said, opens: false);
        bool[] counts = new bool[all.Length];
        for (int question = 1; question <= said.Length; question += 2)
        {
            int[] before = Render(codec, said[..question], opens: true);
            int[] after = Render(codec, said[..(question + 1)], opens: false);
            if (!all.AsSpan().StartsWith(after) || !after.AsSpan().StartsWith(before))
            {
                throw new InvalidDataException("the chat template does not render a conversation turn by turn");
            }
            counts.AsSpan(before.Length, after.Length - before.Length).Fill(true);
        }
        return new ScoredText(all, counts);
    }

    private static int[] Render(ITextCodec codec, string[] said, bool opens)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            for (int i = 0; i < said.Length; i++)
            {
                json.WriteStartObject();
                json.WriteString("role", i % 2 == 0 ? "user" : "assistant");
                json.WriteString("content", said[i]);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        using JsonDocument messages = JsonDocument.Parse(buffer.ToArray());
        return [.. codec.Encode(new Prompt.Chat(messages.RootElement, AddGenerationPrompt: opens))];
    }
}
