using System.Text;
using KServePaged.Serving;
using KServePaged.Serving.Load;

namespace KServePaged.Bench.Tests.Serving.Load;

public sealed class AnswerTimingTests
{
    private const string First = "data: {\"choices\":[{\"text\":\"a\"}]}\n\n";
    private const string Second = "data: {\"choices\":[{\"text\":\"b\"}],\"usage\":null}\r\n\r\n";
    private const string Silent = ": nothing yet\n\ndata: {\"choices\":[{\"text\":\"\"}]}\n\n";
    private const string End = "data: {\"choices\":[],\"usage\":{\"completion_tokens\":3}}\n\ndata: [DONE]\n\n";

    [Fact]
    public void Read_TimesEventsWithTextByTheirLastByte()
    {
        AnswerTiming timing = Read(3, (1.5, First), (2, Silent + Second[..9]), (3, Second[9..]), (4, First + End));
        Assert.Equal([1.5, 3, 4], timing.TokenTimes);
        Assert.Equal(0.5, timing.FirstToken);
        Assert.Equal(1.25, timing.PerToken);
        Assert.Equal(4, timing.EndToEnd);
    }

    [Fact]
    public void Read_WhenTokensAreMissing_Fails() =>
        Assert.Equal("an answer has 3 tokens instead of 4", Assert.Throws<BenchException>(() => Read(4, (2, First + First + End))).Message);

    [Fact]
    public void Read_WithoutUsage_Fails() => Assert.Contains("without usage", Assert.Throws<BenchException>(() => Read(1, (2, First))).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_WhenTheStreamEndsWithAnError_ShowsIt() =>
        Assert.Contains("overloaded", Assert.Throws<BenchException>(() => Read(3, (2, First + "data: {\"error\":{\"message\":\"overloaded\"}}\n\n"))).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_WhenRefused_ShowsStatusAndBody()
    {
        var answer = new RecordedAnswer(1) { Status = 400 };
        Add(answer, 2, "too long");
        Assert.Equal("status 400: too long", Assert.Throws<BenchException>(() => AnswerTiming.Read(Request(1), answer)).Message);
    }

    private static AnswerTiming Read(int tokens, params (double At, string Text)[] pieces)
    {
        var answer = new RecordedAnswer(1) { Status = 200 };
        foreach ((double at, string text) in pieces)
        {
            Add(answer, at, text);
        }
        answer.End(5);
        return AnswerTiming.Read(Request(tokens), answer);
    }

    private static LoadRequest Request(int tokens) => new([1, 2], tokens, RepeatsPrefix: false, 0);

    private static void Add(RecordedAnswer answer, double at, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        bytes.CopyTo(answer.Room());
        answer.Add(bytes.Length, at);
    }
}
