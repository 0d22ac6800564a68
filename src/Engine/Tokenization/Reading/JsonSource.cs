using System.Text.Json;

namespace KServePaged.Engine.Tokenization.Reading;

/// <summary>Where in which file a reader is, so that defects can be named.</summary>
internal sealed record JsonSource(string File, string Path)
{
    public JsonSource At(string step) => this with { Path = step[0] == '[' || Path.Length == 0 ? Path + step : $"{Path}.{step}" };

    public InvalidDataException Defect(string what, Exception? cause = null) =>
        new($"{File}: {(Path.Length == 0 ? "the top level" : Path)}: {what}.", cause);

    /// <summary>The bytes of the string or member name at the reader; valid until the scratch is used again.</summary>
    /// <param name="reader">Over text known to be UTF-8.</param>
    /// <param name="scratch">Grows as needed.</param>
    public ReadOnlySpan<byte> TextOf(ref Utf8JsonReader reader, ref byte[] scratch)
    {
        if (!reader.ValueIsEscaped)
        {
            return reader.ValueSpan;
        }
        if (scratch.Length < reader.ValueSpan.Length)
        {
            scratch = new byte[reader.ValueSpan.Length * 2];
        }
        try
        {
            return scratch.AsSpan(0, reader.CopyString(scratch));
        }
        catch (InvalidOperationException exception)
        {
            throw Defect("half of a surrogate pair is no text", exception);
        }
    }
}
