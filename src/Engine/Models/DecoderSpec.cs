namespace KServePaged.Engine.Models;

/// <summary>What a decoder is made of, with the checkpoint's names: the whole of what an architecture says. Pure data.</summary>
internal sealed record DecoderSpec
{
    public required int VocabularySize { get; init; }

    public required int HiddenSize { get; init; }

    /// <summary>Positions the model was made for: the limit of prompt plus output.</summary>
    public required int MaxPositions { get; init; }
}
