namespace KServePaged.Engine.ChatTemplates;

/// <summary>What one rendering may use at most. The defaults are a thousand times what the largest published templates need.</summary>
internal sealed record TemplateLimits
{
    public static readonly TemplateLimits Default = new();

    /// <summary>Evaluated nodes and loop steps; long texts count by size. 5 million take well under a second.</summary>
    public long Steps { get; init; } = 5_000_000;

    /// <summary>UTF-16 code units of the rendered text.</summary>
    public int OutputLength { get; init; } = 16 << 20;

    /// <summary>UTF-16 code units of one text; a list may have an eighth of it in items.</summary>
    public int TextLength { get; init; } = 8 << 20;

    /// <summary>UTF-16 code units of all texts and lists made while rendering (an upper bound of the memory, as nothing is counted back).</summary>
    public long AllocatedCharacters { get; init; } = 64L << 20;

    /// <summary>Macros and recursive loops inside one another.</summary>
    public int Depth { get; init; } = 100;

    /// <summary>Bits of an integer.</summary>
    public int IntegerBits { get; init; } = 1 << 16;

    /// <summary>Items of <c>range()</c>, as Jinja's own sandbox has it.</summary>
    public int RangeItems { get; init; } = 100_000;
}
