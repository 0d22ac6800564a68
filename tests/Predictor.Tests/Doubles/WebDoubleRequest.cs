namespace KServePaged.Predictor.Tests.Doubles;

/// <param name="Headers">Names in lower case.</param>
internal sealed record WebDoubleRequest(string Path, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Text => System.Text.Encoding.UTF8.GetString(Body);

    public string? Header(string name) => Headers.TryGetValue(name, out string? value) ? value : null;
}
