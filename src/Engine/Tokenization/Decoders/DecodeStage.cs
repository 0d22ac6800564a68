namespace KServePaged.Engine.Tokenization.Decoders;

/// <summary>A step at work on one output: takes tokens (or fragments) in order, passes on what is decided.</summary>
internal abstract class DecodeStage(DecodeStage? next)
{
    /// <summary>The stage that gets the results; only the last has none.</summary>
    protected DecodeStage Next => next ?? throw new InvalidOperationException("The last stage of a decoder has no next.");

    /// <summary>The stage has bytes of a character whose rest must come with the next token.</summary>
    public virtual bool HoldsPartialCharacter => false;

    public abstract void Push(string token);

    /// <summary>No more tokens: passes on what was held back.</summary>
    public virtual void Finish() => Next.Finish();
}
