using System.Text.Json;

namespace KServePaged.Engine.Weights;

/// <summary>model.safetensors.index.json: which shard holds which tensor.</summary>
internal static class CheckpointIndex
{
    /// <summary>Some 400,000 names; the largest published index has a tenth of it.</summary>
    private const long MaxFileBytes = 64L << 20;

    /// <returns>Tensor name → plain file name.</returns>
    /// <exception cref="InvalidDataException">The index is broken, or a shard's name leaves the directory.</exception>
    public static IReadOnlyDictionary<string, string> Read(string path)
    {
        long bytes = new FileInfo(path).Length;
        if (bytes > MaxFileBytes)
        {
            throw new InvalidDataException($"{path} has {bytes} bytes; at most {MaxFileBytes} are read.");
        }
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            return ReadMap(document.RootElement, path);
        }
        // InvalidOperationException is how a name that is no valid Unicode is reported.
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"{path} is not valid JSON: {exception.Message}", exception);
        }
    }

    private static Dictionary<string, string> ReadMap(JsonElement root, string path)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("weight_map", out JsonElement map) ||
            map.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException($"{path} has no object \"weight_map\".");
        }
        var shardOf = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (JsonProperty entry in map.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.String || !IsPlainFileName(entry.Value.GetString()))
            {
                throw new InvalidDataException(
                    $"{path}: tensor \"{Excerpt.Of(entry.Name)}\" lies in {Excerpt.Of(entry.Value.GetRawText())}; " +
                    "the name of a file in the same directory is needed.");
            }
            if (!shardOf.TryAdd(entry.Name, entry.Value.GetString()!)) // a string was checked above
            {
                throw new InvalidDataException($"{path}: tensor \"{Excerpt.Of(entry.Name)}\" appears twice.");
            }
        }
        return shardOf.Count > 0 ? shardOf : throw new InvalidDataException($"{path}: \"weight_map\" is empty.");
    }

    private static bool IsPlainFileName(string? name) =>
        !string.IsNullOrEmpty(name) && name is not ("." or "..") && name.AsSpan().IndexOfAny('/', '\\', '\0') < 0;
}
