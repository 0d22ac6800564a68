namespace KServePaged.Engine.Tokenization;

/// <summary>Turns a growing list of ids into text pieces; holds text back while it ends in an incomplete character. One output's own.</summary>
internal abstract class IncrementalDetokenizer
{
    /// <summary>Takes the next id.</summary>
    /// <returns>The text that became certain; may be empty.</returns>
    public abstract string Add(int id);

    /// <summary>Gives back what is still held; incomplete characters become U+FFFD. Nothing may be added afterwards.</summary>
    public abstract string Finish();
}
