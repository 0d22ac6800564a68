using System.Text.Json;
using KServePaged.Gpu.Report;

namespace KServePaged.Bench.Tests.Gpu.Report;

public sealed class ResultWriterTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kservepaged-gpu-result-").FullName;

    public ResultWriterTests()
    {
        Write("machine", "date=2026-11-26 05:00 UTC", "device=NVIDIA H200", "driver=580.1 = 580");
        Write("sections", "kernels\tpassed\t31\t80 of 80", "memcheck\tfailed\t4\ta | b", "kernel-speed\tpassed\t60\t", "engine-speed\ttimed out\t130\tcut off after 130 s", "transformers\tpassed\t9\t");
        Write(
            "kernel-speed.jsonl",
            """{"device": "NVIDIA H200", "memory_bytes": 1}""",
            """{"what": "decode attention bf16", "shape": "Llama-3-8B, 16 x 1 at 4096", "us": 100.25, "gb_per_s": 4000, "tflops": 1.5, "bound": "memory", "share": 0.91}""",
            """{"what": "decode attention bf16", "shape": "Llama-3-8B, 64 x 1 at 4096", "us": 400, "gb_per_s": 3900, "tflops": 1.5, "bound": "memory", "share": 0.88}""",
            """{"what": "decode attention bf16", "shape": "Llama-3-8B, 1 x 1 at 4096", "us": 50, "gb_per_s": 900, "tflops": 1.5, "bound": "memory", "share": 0.2}""",
            """{"what": "linear bf16", "shape": "Llama-3-8B o 4096 x 4096, rows 16", "us": 10, "gb_per_s": 900, "tflops": 1.5, "bound": "memory", "share": 0.7}""",
            """{"what": "linear bf16", "shape": "Llama-3-8B o 4096 x 4096, rows 64", "us": 10, "gb_per_s": 900, "tflops": 1.5, "bound": "memory", "share": 0.1}""");
        Write(
            "engine-speed.jsonl",
            """{"model":"8B","in":128,"out":128,"streams":1,"seconds":0.6,"output_tokens_per_s":213,"token_ms":4.1,"share":0.55}""",
            """{"model":"8B","in":128,"out":128,"streams":64,"seconds":0.6,"output_tokens_per_s":9000,"token_ms":7,"share":0.65}""",
            """{"model":"8B","in":1000,"out":1000,"streams":64,"skipped":"it would take about 99 s"}""",
            """{"model":"8B","in":500,"o""");
        Write("transformers.jsonl", """{"model": "transformers, sdpa", "in": 128, "out": 128, "streams": 64, "output_tokens_per_s": 3600}""");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Write_OfSections_KeepsEveryFigureAndHowEachEnded()
    {
        ResultWriter.Write(_folder);
        using JsonDocument result = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "result.json")));
        Assert.Equal("580.1 = 580", result.RootElement.GetProperty("driver").GetString());
        JsonElement[] sections = [.. result.RootElement.GetProperty("sections").EnumerateArray()];
        Assert.Equal(["passed", "failed", "passed", "timed out", "passed"], sections.Select(section => section.GetProperty("status").GetString()));
        Assert.Equal(6, sections[2].GetProperty("figures").GetArrayLength());
        Assert.Equal(3, sections[3].GetProperty("figures").GetArrayLength()); // the line that was cut off is none

        string text = File.ReadAllText(Path.Combine(_folder, "result.md"));
        Assert.Contains("* device: NVIDIA H200\n", text, StringComparison.Ordinal);
        Assert.Contains("| memcheck | **failed** | 4 | a \\| b |\n", text, StringComparison.Ordinal);
        Assert.Contains("| decode attention bf16 | Llama-3-8B, 16 x 1 at 4096 | 100.3 | 4000 | 1.5 | memory | 91 % |\n", text, StringComparison.Ordinal);
        Assert.Contains("| 8B | 1000 | 1000 | 64 |  |  |  | it would take about 99 s |\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Judge_OfFigures_TakesTheWorstOfThoseABarIsAbout() => Assert.Equal(
        [("0.88", "reached"), ("0.7", "missed"), ("4.1", "reached"), ("0.65", "reached"), ("2.5", "missed")],
        Bar.Judge(Section.Read(_folder)).Select(bar => (bar.Measured, bar.Verdict)));

    [Fact]
    public void Judge_OfNothing_IsNotMeasured() => Assert.All(Bar.Judge([]), bar => Assert.Equal("not measured", bar.Verdict));

    [Fact]
    public void Read_OfALineThatCheckDoesNotWrite_SaysWhich()
    {
        Write("sections", "kernels passed");
        Assert.Contains("'kernels passed'", Assert.Throws<InvalidDataException>(() => Section.Read(_folder)).Message, StringComparison.Ordinal);
    }

    private void Write(string name, params string[] lines) => File.WriteAllLines(Path.Combine(_folder, name), lines);
}
