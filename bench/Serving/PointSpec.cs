using KServePaged.Serving.Load;
using KServePaged.Serving.Models;
using KServePaged.Serving.Servers;

namespace KServePaged.Serving;

/// <summary>A point at which servers are compared: model, weights and load.</summary>
internal sealed record PointSpec(ModelShape Shape, WeightFormat Format, LoadPoint Load)
{
    private static readonly string[] Quick = ["small/bf16/start", "small/bf16/closed-1", "small/bf16/closed-16", "small/bf16/prefix", "small/bf16/prefill"];

    private static readonly string[] Full =
    [
        "small/bf16/start", "small/bf16/closed-1", "small/bf16/closed-8", "small/bf16/closed-16", "small/bf16/closed-32", "small/bf16/closed-64",
        "small/bf16/poisson-1.2", "small/bf16/prefix", "small/bf16/decode", "small/bf16/busy-1", "small/bf16/busy-8",
        "small/int8/closed-1", "small/int8/closed-16", "small/int8-dynamic/closed-1", "small/int8-dynamic/closed-16", "small/int4/decode", "small/int4/closed-1",
        "medium/bf16/start", "medium/bf16/prefill", "medium/bf16/decode", "medium/int8/decode", "medium/int8-dynamic/prefill", "medium/int4/decode",
    ];

    public string Name => $"{Shape.Name}/{Format.Name}/{Load.Name}";

    /// <param name="word">A preset, or MODEL/FORMAT/POINT.</param>
    /// <param name="quick">Fewer requests.</param>
    public static IEnumerable<PointSpec> Parse(string word, bool quick) => word switch
    {
        "quick" => Quick.Select(name => One(name, quick)),
        "full" => Full.Select(name => One(name, quick)),
        _ => [One(word, quick)],
    };

    private static PointSpec One(string name, bool quick) => name.Split('/') is [var model, var format, var point]
        ? new PointSpec(ModelShape.Named(model), WeightFormat.Named(format), LoadPoint.Named(point, quick))
        : throw new ArgumentException($"'{name}' is neither a preset nor MODEL/FORMAT/POINT", nameof(name));
}
