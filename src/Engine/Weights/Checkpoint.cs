namespace KServePaged.Engine.Weights;

/// <summary>All tensors of a model directory: model.safetensors, or the shards that model.safetensors.index.json names.</summary>
internal sealed class Checkpoint : IDisposable
{
    private const string SingleName = "model.safetensors";
    private const string IndexName = "model.safetensors.index.json";

    private readonly List<SafetensorsFile> _files;
    private readonly Dictionary<string, StoredTensor> _tensors;

    private Checkpoint(string directory, List<SafetensorsFile> files, Dictionary<string, StoredTensor> tensors)
    {
        Directory = directory;
        _files = files;
        _tensors = tensors;
    }

    public string Directory { get; }

    public IReadOnlyDictionary<string, StoredTensor> Tensors => _tensors;

    /// <exception cref="InvalidDataException">No safetensors, a missing shard, or a file that is not what it says.</exception>
    public static Checkpoint Open(string directory)
    {
        // The single file wins where both exist, as in transformers.
        string single = Path.Combine(directory, SingleName);
        if (File.Exists(single))
        {
            SafetensorsFile file = SafetensorsFile.Open(single);
            return new Checkpoint(directory, [file], file.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal));
        }
        string index = Path.Combine(directory, IndexName);
        if (File.Exists(index))
        {
            return OpenShards(directory, index);
        }
        throw new InvalidDataException(
            $"{directory} has neither {SingleName} nor {IndexName}: weights are read from safetensors files. It holds: {Listing(directory)}.");
    }

    public void Dispose()
    {
        foreach (SafetensorsFile file in _files)
        {
            file.Dispose();
        }
    }

    private static Checkpoint OpenShards(string directory, string index)
    {
        IReadOnlyDictionary<string, string> shardOf = CheckpointIndex.Read(index);
        var files = new List<SafetensorsFile>();
        try
        {
            var tensors = new Dictionary<string, StoredTensor>(StringComparer.Ordinal);
            foreach (string shard in shardOf.Values.Distinct().Order(StringComparer.Ordinal))
            {
                SafetensorsFile file = OpenShard(directory, index, shard);
                files.Add(file);
                foreach (StoredTensor tensor in file.Tensors)
                {
                    // Where two shards hold a name the index decides; a name it does not list counts all the same, as in transformers.
                    if (!shardOf.TryGetValue(tensor.Name, out string? listed) || listed == shard)
                    {
                        tensors[tensor.Name] = tensor;
                    }
                }
            }
            foreach (var (name, shard) in shardOf)
            {
                if (!tensors.ContainsKey(name))
                {
                    throw new InvalidDataException($"{index} puts tensor \"{Excerpt.Of(name)}\" into {shard}, which does not hold it.");
                }
            }
            return new Checkpoint(directory, files, tensors);
        }
        catch
        {
            files.ForEach(file => file.Dispose());
            throw;
        }
    }

    private static SafetensorsFile OpenShard(string directory, string index, string shard)
    {
        string path = Path.Combine(directory, shard);
        return File.Exists(path)
            ? SafetensorsFile.Open(path)
            : throw new InvalidDataException($"{index} names the shard {shard}, which is not in the directory.");
    }

    private static string Listing(string directory)
    {
        if (!System.IO.Directory.Exists(directory))
        {
            return "nothing, since it does not exist";
        }
        string[] names = [.. System.IO.Directory.EnumerateFiles(directory).Select(path => Path.GetFileName(path)!).Take(9)];
        return names.Length == 0 ? "no files" : string.Join(", ", names.Take(8)) + (names.Length > 8 ? ", …" : "");
    }
}
