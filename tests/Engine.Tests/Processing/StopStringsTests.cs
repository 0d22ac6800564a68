using KServePaged.Engine.Processing;

namespace KServePaged.Engine.Tests.Processing;

public sealed class StopStringsTests
{
    [Fact]
    public void Push_HoldsBackWhatMayBeginAStopString()
    {
        var stops = new StopStrings(["STOP"], include: false);
        Assert.Equal("", stops.Push("abc", search: true));
        Assert.Equal("abc", stops.Push("def", search: true));
        Assert.Equal("def", stops.Flush());
        Assert.Null(stops.Found);
    }

    [Fact]
    public void Push_WhenAStopStringIsComplete_CutsTheTextBeforeIt()
    {
        var stops = new StopStrings(["never", "STOP"], include: false);
        Assert.Equal("", stops.Push("a ST", search: true));
        Assert.Equal("a ", stops.Push("OP and more", search: true));
        Assert.Equal("STOP", stops.Found);
    }

    [Fact]
    public void Push_WhenTheStopStringIsIncluded_KeepsItAndHoldsNothing()
    {
        var stops = new StopStrings(["STOP"], include: true);
        Assert.Equal("a ST", stops.Push("a ST", search: true));
        Assert.Equal("OP", stops.Push("OP and more", search: true));
        Assert.Equal("STOP", stops.Found);
    }

    [Fact]
    public void Push_WhenTwoEndInAPiece_TakesTheOneThatEndsFirst_ThenTheLonger()
    {
        var first = new StopStrings(["cd", "abc"], include: false);
        Assert.Equal("", first.Push("abcd", search: true));
        Assert.Equal("abc", first.Found);
        var longer = new StopStrings(["c", "bc"], include: false);
        Assert.Equal("a", longer.Push("abc", search: true));
        Assert.Equal("bc", longer.Found);
    }

    [Fact]
    public void Push_WithoutSearch_PassesStopStringsAndFindsOneThatEndsLater()
    {
        var stops = new StopStrings(["ab"], include: false);
        Assert.Equal("xa", stops.Push("xab", search: false));
        Assert.Equal("b", stops.Push("a", search: false));
        Assert.Equal("", stops.Push("bz", search: true));
        Assert.Equal("ab", stops.Found);
    }

    [Fact]
    public void Push_NeverPartsASurrogatePair()
    {
        var stops = new StopStrings(["xyz"], include: false);
        string given = stops.Push("ab😀c", search: true);
        Assert.Equal("ab", given);
        Assert.Equal("😀c", stops.Flush());
    }

    [Fact]
    public void Push_InAnyPieces_GivesWhatCharactersOneByOneGive()
    {
        var random = new Random(11);
        for (int round = 0; round < 5000; round++)
        {
            string text = Letters(random, random.Next(1, 25));
            string[] stops = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Letters(random, random.Next(1, 5)))];
            bool include = random.Next(2) == 0;
            (string expected, string? found) = Reference(text, stops, include);

            var pieces = new StopStrings(stops, include);
            string given = "";
            for (int at = 0; at < text.Length && pieces.Found is null;)
            {
                int length = random.Next(1, text.Length - at + 1);
                given += pieces.Push(text.Substring(at, length), search: true);
                at += length;
            }
            given += pieces.Found is null ? pieces.Flush() : "";
            Assert.Equal((expected, found), (given, pieces.Found));
        }
    }

    private static (string Text, string? Found) Reference(string text, string[] stops, bool include)
    {
        for (int end = 1; end <= text.Length; end++)
        {
            if (stops.Where(text[..end].EndsWith).MaxBy(stop => stop.Length) is { } stop)
            {
                return (include ? text[..end] : text[..(end - stop.Length)], stop);
            }
        }
        return (text, null);
    }

    private static string Letters(Random random, int count) => string.Concat(Enumerable.Range(0, count).Select(_ => (char)('a' + random.Next(3))));
}
