using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary><c>truncate_prompt_tokens</c>: a longer prompt is cut to this many tokens; the tokenizer's own special tokens stay.</summary>
/// <param name="Tokens">-1 = the model's context.</param>
/// <param name="KeepEnd">True: the beginning is cut off.</param>
internal sealed record PromptTruncation(int Tokens, bool KeepEnd)
{
    public static PromptTruncation? Take(RequestFields fields)
    {
        int? tokens = fields.Int("truncate_prompt_tokens");
        string? side = fields.Text("truncation_side");
        if (side is not (null or "left" or "right"))
        {
            throw fields.Refusal("truncation_side", $"truncation_side must be left or right, not '{side}'.");
        }
        return tokens switch
        {
            null => null,
            -1 or > 0 => new PromptTruncation(tokens.Value, side != "right"),
            _ => throw fields.Refusal("truncate_prompt_tokens", $"truncate_prompt_tokens must be -1 or at least 1, not {tokens}."),
        };
    }

    /// <returns>The prompt as it is when it is short enough, else its remaining ids.</returns>
    public Prompt Apply(Prompt prompt, ITextCodec text, int maxModelLength)
    {
        if (Tokens > maxModelLength)
        {
            throw new RequestException(
                EngineErrorCode.InvalidArgument, $"truncate_prompt_tokens {Tokens} is more than the context of {maxModelLength} tokens.", "truncate_prompt_tokens");
        }
        int limit = Tokens == -1 ? maxModelLength : Tokens;
        IReadOnlyList<int> whole = text.Encode(prompt);
        if (whole.Count <= limit)
        {
            return prompt;
        }
        (int before, int after) = prompt is Prompt.Text { AddSpecialTokens: true } plain ? AddedTokens(whole, text.Encode(plain with { AddSpecialTokens = false })) : (0, 0);
        int kept = limit - before - after;
        if (kept < 1)
        {
            throw new RequestException(
                EngineErrorCode.InvalidArgument, $"truncate_prompt_tokens {Tokens} leaves nothing of the prompt beside {before + after} special tokens.", "truncate_prompt_tokens");
        }
        int from = KeepEnd ? whole.Count - after - kept : before;
        return new Prompt.TokenIds([.. whole.Take(before), .. whole.Skip(from).Take(kept), .. whole.Skip(whole.Count - after)]);
    }

    /// <summary>How many tokens the tokenizer's post-processor put around the text.</summary>
    private static (int Before, int After) AddedTokens(IReadOnlyList<int> whole, IReadOnlyList<int> plain)
    {
        int added = whole.Count - plain.Count;
        for (int before = 0; before <= added; before++)
        {
            if (whole.Skip(before).Take(plain.Count).SequenceEqual(plain))
            {
                return (before, added - before);
            }
        }
        return (0, 0); // the text itself is tokenized differently with special tokens around: cut it as one piece
    }
}
