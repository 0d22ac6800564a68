using System.Diagnostics;
using System.Text.Json;

namespace KServePaged.Serving.Machine;

/// <summary>What the machine can do at most with all its cores, measured by <c>native/kernels/bench/machine_ceilings</c>.</summary>
/// <param name="ReadBytes">Bytes a second read from memory.</param>
/// <param name="FloatFlops">fp32 multiply-adds, in operations a second.</param>
/// <param name="Bf16Flops">bf16 dot products.</param>
/// <param name="Int8Ops">8-bit integer dot products.</param>
internal sealed record Ceilings(double ReadBytes, double FloatFlops, double Bf16Flops, double Int8Ops)
{
    public static async Task<Ceilings> MeasureAsync(string program)
    {
        using Process process = Process.Start(new ProcessStartInfo(program) { RedirectStandardOutput = true }) ?? throw new InvalidOperationException($"{program} did not start");
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? Parse(output) : throw new InvalidOperationException($"{program} ended with code {process.ExitCode}: {output}");
    }

    /// <summary>The middle of what was measured before and after.</summary>
    public static Ceilings Between(Ceilings before, Ceilings after) => new(
        (before.ReadBytes + after.ReadBytes) / 2,
        (before.FloatFlops + after.FloatFlops) / 2,
        (before.Bf16Flops + after.Bf16Flops) / 2,
        (before.Int8Ops + after.Int8Ops) / 2);

    public static Ceilings Parse(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        JsonElement root = document.RootElement;
        double Giga(string name) => root.GetProperty(name).GetDouble() * 1e9;
        return new Ceilings(Giga("read_gb_s"), Giga("fp32_gflop_s"), Giga("bf16_gflop_s"), Giga("int8_gop_s"));
    }
}
