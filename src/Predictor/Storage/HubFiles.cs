using System.Text.Json;
using KServePaged.Predictor.Configuration;

namespace KServePaged.Predictor.Storage;

/// <summary>Which files of a repository serving needs: those that the engine reads.</summary>
internal static class HubFiles
{
    public const string Config = "config.json";
    public const string SingleWeights = "model.safetensors";
    public const string WeightIndex = "model.safetensors.index.json";

    private const int MaxIndexBytes = 64 << 20;

    private static readonly string[] Optional =
    [
        "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.json", "chat_template.jinja",
        "additional_chat_templates/default.jinja", "additional_chat_templates/tool_use.jinja",
    ];

    /// <summary>Everything but the weights. The index of the weights is last, and weights come after it: a snapshot with its weights is whole.</summary>
    /// <exception cref="HubException">The repository cannot be served.</exception>
    public static IReadOnlyList<string> Small(HubListing listing, HubReference model)
    {
        if (!listing.Names.Contains(Config))
        {
            throw new HubException($"{model.Id} at {model.Revision} has no {Config}. It holds: {Listing(listing)}.");
        }
        if (!listing.Names.Contains(SingleWeights) && !listing.Names.Contains(WeightIndex))
        {
            throw new HubException($"{model.Id} at {model.Revision} has neither {SingleWeights} nor {WeightIndex}: weights are read from safetensors files. It holds: {Listing(listing)}.");
        }
        // The single file wins where both exist, as in transformers and in the engine.
        IEnumerable<string> index = listing.Names.Contains(SingleWeights) ? [] : [WeightIndex];
        return [.. Optional.Where(listing.Names.Contains), Config, .. index];
    }

    /// <summary>The weight files, once the index is in the snapshot.</summary>
    /// <exception cref="HubException">The index is broken, or names a file that is no weight file of the repository.</exception>
    public static IReadOnlyList<string> Weights(HubListing listing, string snapshot)
    {
        if (listing.Names.Contains(SingleWeights))
        {
            return [SingleWeights];
        }
        IReadOnlyList<string> shards = Shards(Path.Combine(snapshot, WeightIndex));
        return shards.FirstOrDefault(shard => !listing.Names.Contains(shard)) is { } missing
            ? throw new HubException($"{WeightIndex} names the file {missing}, which the repository does not hold.")
            : shards;
    }

    /// <summary>Whether a snapshot in a cache, perhaps another program's, can be served without more downloads.</summary>
    public static bool IsComplete(string snapshot)
    {
        string index = Path.Combine(snapshot, WeightIndex);
        try
        {
            return File.Exists(Path.Combine(snapshot, Config))
                && (File.Exists(Path.Combine(snapshot, SingleWeights))
                    || (File.Exists(index) && Shards(index).All(shard => File.Exists(Path.Combine(snapshot, shard)))));
        }
        catch (HubException)
        {
            return false; // an index that is none: what is missing cannot be told
        }
    }

    private static string[] Shards(string index)
    {
        try
        {
            using FileStream stream = File.OpenRead(index);
            if (stream.Length > MaxIndexBytes)
            {
                throw new HubException($"{WeightIndex} is longer than {MaxIndexBytes} bytes.");
            }
            using JsonDocument document = JsonDocument.Parse(stream);
            string[] shards = [.. document.RootElement.GetProperty("weight_map").EnumerateObject().Select(tensor => tensor.Value.GetString() ?? "").Distinct()];
            return shards.FirstOrDefault(shard => !IsPlainName(shard)) is { } hostile
                ? throw new HubException($"{WeightIndex} names the file '{hostile}', which is no name of a safetensors file.")
                : shards;
        }
        // InvalidOperationException is how a value of another type is reported.
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new HubException($"{WeightIndex} is no index of weights: {e.Message}", e);
        }
    }

    // It becomes a path on this machine.
    private static bool IsPlainName(string name) => name.Length is > 0 and <= 255 && name[0] != '.'
        && name.EndsWith(".safetensors", StringComparison.Ordinal) && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');

    private static string Listing(HubListing listing)
    {
        string[] names = [.. listing.Names.Where(name => !name.StartsWith('.')).Order(StringComparer.Ordinal).Take(9)];
        return names.Length == 0 ? "no files" : string.Join(", ", names.Take(8)) + (names.Length > 8 ? ", …" : "");
    }
}
