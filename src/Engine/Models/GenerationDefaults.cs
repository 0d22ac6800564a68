using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models;

/// <summary>
/// What generation_config.json says about requests that leave a sampling parameter out; null = it says nothing. <c>do_sample</c> is not
/// looked at: the values are defaults of a request, and a request that wants greedy decoding says temperature 0.
/// </summary>
internal sealed record GenerationDefaults
{
    /// <summary>At least 0; 0 = greedy.</summary>
    public double? Temperature { get; init; }

    /// <summary>(0, 1].</summary>
    public double? TopP { get; init; }

    /// <summary>0 = off.</summary>
    public int? TopK { get; init; }

    /// <summary>[0, 1].</summary>
    public double? MinP { get; init; }

    /// <summary>Above 0.</summary>
    public double? RepetitionPenalty { get; init; }

    /// <summary>New tokens of a request that names no limit, and the largest limit a request may name.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>Ids that end a generation; empty where the file names none.</summary>
    public IReadOnlyList<int> EndTokenIds { get; init; } = [];

    /// <returns>All null where the directory has no generation_config.json.</returns>
    /// <exception cref="InvalidDataException">The file is broken, or a value lies outside its range.</exception>
    public static GenerationDefaults Load(string modelDirectory)
    {
        string path = Path.Combine(modelDirectory, "generation_config.json");
        return File.Exists(path) ? Read(ConfigFields.Load(path)) : new GenerationDefaults();
    }

    /// <param name="utf8">The JSON text.</param>
    /// <param name="file">Its name in messages.</param>
    /// <exception cref="InvalidDataException">The text is broken, or a value lies outside its range.</exception>
    public static GenerationDefaults Parse(ReadOnlyMemory<byte> utf8, string file) => Read(ConfigFields.Parse(utf8, file));

    private static GenerationDefaults Read(ConfigFields fields) => new()
    {
        Temperature = fields.NullableNumber("temperature", 0),
        TopP = fields.NullableNumber("top_p", double.Epsilon, 1),
        TopK = fields.NullableInt("top_k", null, -1) is { } topK ? Math.Max(topK, 0) : null,
        MinP = fields.NullableNumber("min_p", 0, 1),
        RepetitionPenalty = fields.NullableNumber("repetition_penalty", double.Epsilon),
        MaxNewTokens = fields.NullableInt("max_new_tokens", null, 1),
        EndTokenIds = fields.Ids("eos_token_id"),
    };
}
