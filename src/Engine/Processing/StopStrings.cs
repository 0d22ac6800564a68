namespace KServePaged.Engine.Processing;

/// <summary>
/// Text on its way to the caller: finds the first stop string to be completed, and holds back the characters that one may still begin with.
/// One output's own.
/// </summary>
/// <param name="stops">None empty.</param>
/// <param name="include">A stop string that is found stays in the text; then nothing is held back.</param>
internal sealed class StopStrings(IReadOnlyList<string> stops, bool include)
{
    private readonly int _reach = stops.Count == 0 ? 0 : stops.Max(stop => stop.Length) - 1;

    // The last characters before the next piece, as far back as a stop string can begin: not given out yet, or (include) given out already.
    private string _before = "";

    /// <summary>The stop string that was found; the text has ended with it.</summary>
    public string? Found { get; private set; }

    /// <param name="piece">New text.</param>
    /// <param name="search">False while the output is too short to be ended.</param>
    /// <returns>The text that may be given out now.</returns>
    public string Push(string piece, bool search)
    {
        if (_reach == 0 && stops.Count == 0)
        {
            return piece;
        }
        string text = _before + piece;
        if (search && Find(text) is { } match)
        {
            Found = match.Stop;
            return include ? text[_before.Length..match.End] : text[..(match.End - match.Stop.Length)];
        }
        int kept = Math.Min(_reach, text.Length);
        int cut = text.Length - kept;
        // The halves of a surrogate pair must not part: a writer turns each alone into U+FFFD.
        if (cut > 0 && kept > 0 && char.IsHighSurrogate(text[cut - 1]))
        {
            cut--;
        }
        _before = text[cut..];
        return include ? piece : text[..cut];
    }

    /// <summary>The text ends without a stop string.</summary>
    /// <returns>What was held back.</returns>
    public string Flush() => include ? "" : _before;

    // As if the characters came one by one: the match that ends first; of several that end there, the longest.
    private (string Stop, int End)? Find(string text)
    {
        (string Stop, int End)? first = null;
        foreach (string stop in stops)
        {
            int from = Math.Max(0, _before.Length - stop.Length + 1);
            int at = text.IndexOf(stop, from, StringComparison.Ordinal);
            int end = at + stop.Length;
            if (at >= 0 && (first is not { } best || end < best.End || (end == best.End && stop.Length > best.Stop.Length)))
            {
                first = (stop, end);
            }
        }
        return first;
    }
}
