using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Architectures;

/// <summary>Hidden size and heads as most configurations spell them.</summary>
internal sealed record AttentionShape(int Hidden, int QueryHeads, int KvHeads, int HeadDim)
{
    public int QueryWidth => QueryHeads * HeadDim;

    public int KvWidth => KvHeads * HeadDim;

    /// <param name="fields">config.json.</param>
    /// <param name="defaultKvHeads">The family's value for a missing <c>num_key_value_heads</c>; null = as many as query heads.</param>
    /// <exception cref="InvalidDataException">The sizes do not fit together.</exception>
    public static AttentionShape Read(ConfigFields fields, int? defaultKvHeads)
    {
        int hidden = fields.Int("hidden_size", 4096, 1, ConfigLimits.Hidden);
        int queryHeads = fields.Int("num_attention_heads", 32, 1, ConfigLimits.Heads);
        int kvHeads = fields.NullableInt("num_key_value_heads", defaultKvHeads, 1, ConfigLimits.Heads) ?? queryHeads;
        if (queryHeads % kvHeads != 0)
        {
            throw fields.Invalid("num_key_value_heads", $"a divisor of the {queryHeads} attention heads is needed");
        }
        int? headDim = fields.NullableInt("head_dim", null, 1, ConfigLimits.HeadDim);
        if (headDim is null && (hidden % queryHeads != 0 || hidden / queryHeads > ConfigLimits.HeadDim))
        {
            throw fields.Invalid(
                "num_attention_heads", $"without head_dim it must divide hidden_size {hidden} into heads of at most {ConfigLimits.HeadDim}");
        }
        return new AttentionShape(hidden, queryHeads, kvHeads, headDim ?? hidden / queryHeads);
    }
}
