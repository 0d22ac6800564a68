using KServePaged.Predictor.Configuration;

namespace KServePaged.Predictor.Storage;

/// <summary>
/// The ways in which a model lies in the directory that is named: at the top, in the only directory below (as storage initializers and archives
/// leave it), or in the layout of Hugging Face's cache. Paths are opened as given: a modelcar's link leads into another container's /proc and
/// cannot be made canonical. Nothing is written.
/// </summary>
internal static class ModelLayout
{
    private const string Snapshots = "snapshots";

    private static readonly string[] Pickled = [".bin", ".pt", ".pth", ".ckpt"];

    /// <param name="path">An existing directory.</param>
    /// <returns>The directory that holds config.json: <paramref name="path"/> itself or one below.</returns>
    /// <exception cref="InvalidDataException">There is no model, or more than one; the message is one line that says what to do.</exception>
    public static string Locate(string path)
    {
        try
        {
            string model = Find(path);
            RefuseWhatIsNoModel(model);
            RefuseUnreadable(model);
            return model;
        }
        catch (UnauthorizedAccessException e)
        {
            throw new InvalidDataException($"{e.Message} The user this process runs as must be able to read the model: set the pod's fsGroup, or the mode of the files.", e);
        }
    }

    /// <summary>What to say of a path that is no directory.</summary>
    public static string NoDirectory(string option, string path, bool isFile)
    {
        if (isFile)
        {
            return $"{option} '{path}' is a file: name the directory that holds config.json, the tokenizer and the safetensors files.";
        }
        return path.Contains('/') && HubReference.IsId(path)
            ? $"{option} '{path}' is not a directory; to download that model from the Hub write --model_id {path}."
            : $"{option} '{path}' is not a directory.";
    }

    private static string Find(string path)
    {
        if (HasConfig(path))
        {
            return path;
        }
        if (IsCache(path))
        {
            return SnapshotIn(path);
        }
        // Dot names are Kubernetes' and tools' own: ..data, .cache, .locks.
        string[] nested = [.. Directory.EnumerateDirectories(path).Where(directory => Path.GetFileName(directory)[0] != '.' && (HasConfig(directory) || IsCache(directory)))];
        return nested switch
        {
            [] => path,
            [var only] => HasConfig(only) ? only : SnapshotIn(only),
            _ => throw new InvalidDataException(
                $"{path} holds several models ({string.Join(", ", nested.Select(Path.GetFileName).Order(StringComparer.Ordinal))}): name one of them with --model_dir, "
                + $"or serve them all with --model_repository {path}."),
        };
    }

    private static bool HasConfig(string directory) => File.Exists(Path.Combine(directory, HubFiles.Config));

    private static bool IsCache(string directory) => Directory.Exists(Path.Combine(directory, Snapshots)) && Directory.Exists(Path.Combine(directory, "blobs"));

    private static string SnapshotIn(string cache)
    {
        string reference = Path.Combine(cache, "refs", HubReference.DefaultRevision);
        if (File.Exists(reference))
        {
            string commit = File.ReadAllText(reference).Trim();
            string snapshot = Path.Combine(cache, Snapshots, commit);
            return HubListing.IsCommit(commit) && Directory.Exists(snapshot)
                ? snapshot
                : throw new InvalidDataException($"{reference} names the commit '{(commit.Length > 64 ? commit[..64] : commit)}', which is not in {Snapshots}: the download did not end.");
        }
        string[] snapshots = Directory.GetDirectories(Path.Combine(cache, Snapshots));
        return snapshots is [var only]
            ? only
            : throw new InvalidDataException($"{cache} is a cache with {snapshots.Length} snapshots and no refs/{HubReference.DefaultRevision}: name one of them with --model_dir {Path.Combine(cache, Snapshots)}/COMMIT.");
    }

    private static void RefuseWhatIsNoModel(string directory)
    {
        string[] names = [.. Directory.EnumerateFileSystemEntries(directory).Select(entry => Path.GetFileName(entry)!).Where(name => name[0] != '.').Order(StringComparer.Ordinal)];
        if (names.Length == 0)
        {
            throw new InvalidDataException($"{directory} is empty: check the path in storageUri, or that the download into it has ended.");
        }
        if (!names.Any(name => name.EndsWith(".safetensors", StringComparison.Ordinal)))
        {
            if (names.FirstOrDefault(name => name.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)) is { } gguf)
            {
                throw new InvalidDataException($"{directory} holds weights as GGUF only ({gguf}): take the model's repository with safetensors files.");
            }
            if (names.FirstOrDefault(name => Pickled.Contains(Path.GetExtension(name))) is { } pickled)
            {
                throw new InvalidDataException($"{directory} holds PyTorch's pickled weights only ({pickled}), which can run code and are not read: take a revision with safetensors files, or convert them.");
            }
        }
        if (!HasConfig(directory))
        {
            throw new InvalidDataException($"{directory} has no {HubFiles.Config}. It holds: {string.Join(", ", names.Take(8))}{(names.Length > 8 ? ", …" : "")}.");
        }
    }

    // Loading would find out too, but after minutes where it is the last shard.
    private static void RefuseUnreadable(string directory)
    {
        foreach (string file in Directory.EnumerateFiles(directory).Where(file => Path.GetExtension(file) is ".json" or ".jinja" or ".safetensors"))
        {
            using Microsoft.Win32.SafeHandles.SafeFileHandle handle = File.OpenHandle(file, share: FileShare.ReadWrite | FileShare.Delete);
        }
    }
}
