using KServePaged.Serving.Machine;
using KServePaged.Serving.Models;

namespace KServePaged.Serving.Servers;

/// <summary>Weights as one point compares them: ours by --quantization, the peer's by a type of its file.</summary>
/// <param name="Name">On the command line and in tables.</param>
/// <param name="Quantization">Value of our --quantization; null leaves the option out.</param>
/// <param name="Peer">The peer's nearest counterpart.</param>
/// <param name="BytesPerWeight">Of ours, scales included.</param>
/// <param name="Peak">The instruction's rate that bounds products of these weights.</param>
internal sealed record WeightFormat(string Name, string? Quantization, GgufType Peer, double BytesPerWeight, Func<Ceilings, double> Peak)
{
    private const double GroupOfFour = 0.5 + 2.0 / 32; // a half-precision scale for each 32 weights of four bits

    public static IReadOnlyList<WeightFormat> All { get; } =
    [
        new("bf16", null, GgufType.Bf16, 2, ceilings => ceilings.Bf16Flops),
        new("int8", "int8", GgufType.Q8, 1, ceilings => ceilings.Bf16Flops),
        new("int8-dynamic", "int8-dynamic", GgufType.Q8, 1, ceilings => ceilings.Int8Ops),
        new("int4", "int4", GgufType.Q4, GroupOfFour, ceilings => ceilings.Bf16Flops),
    ];

    public static WeightFormat Named(string name) => All.FirstOrDefault(format => format.Name == name)
        ?? throw new ArgumentException($"no weight format '{name}'; there are {string.Join(", ", All.Select(format => format.Name))}", nameof(name));
}
