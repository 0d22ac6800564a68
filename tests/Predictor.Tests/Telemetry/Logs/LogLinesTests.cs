using System.Text;
using System.Text.Json;
using KServePaged.Predictor.Telemetry;
using KServePaged.Predictor.Telemetry.Logs;
using KServePaged.Predictor.Telemetry.Requests;
using KServePaged.Predictor.Tests.Doubles;
using Microsoft.Extensions.Logging;

namespace KServePaged.Predictor.Tests.Telemetry.Logs;

public sealed class LogLinesTests
{
    private static readonly DateTimeOffset At = new(2026, 5, 4, 3, 2, 1, 234, TimeSpan.Zero);

    [Fact]
    public void JsonLine_HoldsMessageFieldsAndTheRequestsNames()
    {
        TraceParentOf(out System.Diagnostics.ActivityContext span);
        var request = new RequestRecord("r-1", span) { Model = "tales" };
        var entry = new LogEntry(
            At, LogLevel.Warning, "KServePaged.X", new EventId(7), "took \"2\"\nlines", [new("Count", 2), new("Seconds", 0.5), new("Name", "a"), new("{OriginalFormat}", "…")],
            new InvalidOperationException("no"), request);
        string line = Encoding.UTF8.GetString(new JsonLogFormat().Line(entry));
        Assert.Equal(
            """{"timestamp":"2026-05-04T03:02:01.234000Z","level":"warning","category":"KServePaged.X","event_id":7,"message":"took \"2\"\nlines","request_id":"r-1","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","model":"tales","fields":{"Count":2,"Seconds":0.5,"Name":"a"},"exception":"System.InvalidOperationException: no"}"""
            + "\n", line);
        Assert.Equal("took \"2\"\nlines", JsonDocument.Parse(line).RootElement.GetProperty("message").GetString());
    }

    [Fact]
    public void TextLine_IsOneLineWhateverIsInTheMessage()
    {
        var entry = new LogEntry(At, LogLevel.Error, "KServePaged.X", new EventId(7), "a\nfail: forged\r\nb", [], new InvalidOperationException("no"), null);
        Assert.Equal(
            "2026-05-04T03:02:01.234Z fail: KServePaged.X[7] a fail: forged b System.InvalidOperationException: no\n", Encoding.UTF8.GetString(new TextLogFormat().Line(entry)));
    }

    [Fact]
    public async Task Add_WhenNobodyReads_DropsAndCountsAndDoesNotWait()
    {
        using var counted = new CountedLosses();
        using var losses = new TelemetryLosses();
        using var pipe = new BlockedStream();
        var lines = new LogLines(pipe, losses);
        lines.Add([1]);
        await pipe.Blocked.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken); // the writer stands still with the first
        for (int i = 0; i < LogLines.Capacity + 500; i++)
        {
            lines.Add([2]);
        }
        Assert.Equal(500, counted["kservepaged_log_lines_dropped"]);
        pipe.Release();
        lines.Dispose();
        Assert.Equal(LogLines.Capacity + 1, pipe.Written);
    }

    private static void TraceParentOf(out System.Diagnostics.ActivityContext span) =>
        Assert.True(System.Diagnostics.ActivityContext.TryParse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", null, out span));
}
