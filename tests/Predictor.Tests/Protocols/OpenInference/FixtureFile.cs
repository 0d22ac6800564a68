using System.Text;
using KServePaged.TestSupport;

namespace KServePaged.Predictor.Tests.Protocols.OpenInference;

/// <summary>
/// A checked-in file of requests and our answers to them, byte for byte: blocks of <c>### title</c>, request, a line of <c>---</c> and answer. A test asks
/// every request again and compares the whole file. With KSERVEPAGED_WRITE_FIXTURES=1 it writes what the server answers now, for review.
/// </summary>
internal static class FixtureFile
{
    private const string Title = "### ";
    private const string Divider = "---\n";

    /// <param name="answer">The answer, as text, to a block's title and request.</param>
    public static async Task CheckAsync(string name, Func<string, string, Task<string>> answer)
    {
        string path = Path.Combine(Repository.Root, "tests", "Predictor.Tests", "Protocols", "OpenInference", "Fixtures", name);
        string expected = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
        var actual = new StringBuilder();
        foreach (string block in expected.Split(Title, StringSplitOptions.RemoveEmptyEntries))
        {
            int end = block.IndexOf('\n', StringComparison.Ordinal) + 1;
            string request = block[end..].Split(Divider)[0];
            actual.Append(Title).Append(block.AsSpan(0, end)).Append(request).Append(Divider).Append(await answer(block[..end].Trim(), request)).Append("\n\n");
        }
        if (Environment.GetEnvironmentVariable("KSERVEPAGED_WRITE_FIXTURES") == "1")
        {
            await File.WriteAllTextAsync(path, actual.ToString(), TestContext.Current.CancellationToken);
            return;
        }
        Assert.Equal(expected, actual.ToString());
    }

    /// <summary>Bytes as a reader sees them: what is not printable ASCII as \xNN, the end of a line as \n and a line break.</summary>
    public static string Shown(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        foreach (byte value in bytes)
        {
            text.Append(value switch
            {
                (byte)'\n' => "\\n\n",
                >= 0x20 and < 0x7f => ((char)value).ToString(),
                _ => $"\\x{value:x2}",
            });
        }
        return text.ToString();
    }
}
