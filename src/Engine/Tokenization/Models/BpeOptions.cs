namespace KServePaged.Engine.Tokenization.Models;

/// <summary>The switches of a BPE model as <c>tokenizer.json</c> spells them.</summary>
internal sealed record BpeOptions
{
    /// <summary>The id for characters that have none of their own; -1: such characters vanish.</summary>
    public int UnknownId { get; init; } = -1;

    /// <summary>Neighbouring unknown characters become one unknown token.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>A character without a token becomes the tokens of its UTF-8 bytes, <c>&lt;0x0A&gt;</c>, where all exist.</summary>
    public bool ByteFallback { get; init; }

    /// <summary>A word that is a token is taken as it is, even where no merges lead to it.</summary>
    public bool IgnoreMerges { get; init; }

    /// <summary>Put before every character of a word but the first when it is looked up.</summary>
    public byte[] ContinuingPrefix { get; init; } = [];

    /// <summary>Put behind the last character of a word when it is looked up.</summary>
    public byte[] EndOfWordSuffix { get; init; } = [];

    /// <summary>Words come as raw bytes although the vocabulary spells them in byte-level characters.</summary>
    public bool RawBytes { get; init; }
}
