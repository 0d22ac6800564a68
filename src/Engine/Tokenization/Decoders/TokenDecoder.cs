namespace KServePaged.Engine.Tokenization.Decoders;

/// <summary>
/// One step from token spellings back to text. Immutable; it makes the stages that do the work. A stage gets either tokens, or, behind a
/// step that fuses them, fragments of the one token that is left.
/// </summary>
internal abstract class TokenDecoder
{
    /// <summary>Makes of its many tokens one.</summary>
    public virtual bool Fuses => false;

    /// <summary>What a token in the middle of a text becomes at this step.</summary>
    public virtual string InMiddle(string token) => token;

    /// <summary>A stage that is given tokens.</summary>
    /// <param name="next">Gets what the stage makes.</param>
    /// <param name="streaming">
    /// Text that a later token can only revoke where the output is broken anyway may be passed on at once.
    /// </param>
    public abstract DecodeStage OnTokens(DecodeStage next, bool streaming);

    /// <summary>A stage that is given fragments of one token. Unless a step can do better it waits for the end.</summary>
    public virtual DecodeStage OnFragments(DecodeStage next, bool streaming) => new BufferedStage(next, this);
}
