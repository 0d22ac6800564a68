using KServePaged.Engine.Kernels;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Layers;

/// <summary>down(activation(gate(x)) · up(x)).</summary>
internal sealed record GatedMlpSpec : SublayerSpec
{
    public required Activation Activation { get; init; }

    /// <summary>hidden → gate rows, then as many up rows.</summary>
    public required LinearSpec GateUp
    {
        get;
        init => field = value with { IsGated = true };
    }

    public required LinearSpec Down { get; init; }

    public override IEnumerable<LinearSpec> Linears => [GateUp, Down];

    public override long ScratchBytes(StepLimits limits) =>
        Scratch.SizeOf((long)limits.Tokens * GateUp.OutFeatures * ElementType.Float32.Bytes()) +
        Scratch.SizeOf((long)limits.Tokens * Down.InFeatures * limits.ComputeType.Bytes());

    public override ISublayer Load(ModelBuilder builder) => new GatedMlp(
        Activation, new Linear(builder.Weights.Linear(GateUp)), new Linear(builder.Weights.Linear(Down)), Down.InFeatures);
}
