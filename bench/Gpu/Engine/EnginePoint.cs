namespace KServePaged.Gpu.Engine;

/// <summary>So many requests at once, each with such a prompt and output.</summary>
internal sealed record EnginePoint(int PromptTokens, int OutputTokens, int Streams)
{
    /// <summary>The lengths at which engines publish their throughput.</summary>
    private static readonly (int Prompt, int Output)[] Lengths =
        [(128, 128), (128, 2048), (500, 2000), (1000, 1000), (1000, 2000), (2048, 128), (2048, 2048), (5000, 500), (20_000, 2000)];

    /// <summary>Measured first: one of each kind, short prompts, long ones, as many as outputs.</summary>
    private static readonly (int Prompt, int Output)[] First = [(128, 128), (1000, 1000), (2048, 128)];

    private static readonly (int Prompt, int Output)[] Tiny = [(12, 4), (40, 6)];

    public bool IsFirst => First.Contains((PromptTokens, OutputTokens));

    public static IEnumerable<EnginePoint> Of(ModelShape shape, IReadOnlyList<int> streams) =>
        from lengths in shape.Name == "tiny" ? Tiny : Lengths
        from count in streams
        select new EnginePoint(lengths.Prompt, lengths.Output, count);
}
