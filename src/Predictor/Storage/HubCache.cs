using KServePaged.Predictor.Configuration;

namespace KServePaged.Predictor.Storage;

/// <summary>
/// One model in a cache of Hugging Face's layout, which other programs may share: <c>blobs/ETAG</c> are the files, <c>snapshots/COMMIT/NAME</c>
/// links to them, <c>refs/REVISION</c> holds a commit.
/// </summary>
internal sealed class HubCache(string root, string modelId)
{
    private readonly string _folder = Path.Combine(root, FolderOf(modelId));
    private readonly string _locks = Path.Combine(root, ".locks", FolderOf(modelId));

    public string Root => root;

    public string SnapshotOf(string commit) => Path.Combine(_folder, "snapshots", commit);

    public string BlobOf(HubFile file) => Path.Combine(_folder, "blobs", file.BlobName);

    public string PartOf(HubFile file) => BlobOf(file) + ".incomplete";

    public bool HasBlob(HubFile file) => new FileInfo(BlobOf(file)) is { Exists: true } blob && blob.Length == file.Size;

    /// <summary>Bytes of a file that are here already.</summary>
    public long BytesOf(HubFile file) => HasBlob(file) ? file.Size : new FileInfo(PartOf(file)) is { Exists: true } part ? Math.Min(part.Length, file.Size) : 0;

    /// <returns>The commit of a revision that is here with everything that serving needs, or null.</returns>
    public string? Find(string revision)
    {
        string reference = ReferenceOf(revision);
        string commit = File.Exists(reference) ? File.ReadAllText(reference).Trim() : revision;
        return HubListing.IsCommit(commit) && HubFiles.IsComplete(SnapshotOf(commit)) ? commit : null;
    }

    public void Prepare(string commit)
    {
        Directory.CreateDirectory(SnapshotOf(commit));
        Directory.CreateDirectory(Path.Combine(_folder, "blobs"));
        Directory.CreateDirectory(_locks);
    }

    /// <summary>Lets a file appear under its name. To be called while its lock is held.</summary>
    public void Link(HubFile file)
    {
        string link = Path.Combine(SnapshotOf(file.Commit), file.Name);
        string folder = Path.GetDirectoryName(link)!; // below the snapshot's
        Directory.CreateDirectory(folder);
        // Relative, so that the volume can be mounted elsewhere; made aside and renamed, so that it is never seen missing.
        string aside = $"{link}.{Environment.ProcessId}.{Guid.NewGuid():N}";
        File.CreateSymbolicLink(aside, Path.GetRelativePath(folder, BlobOf(file)));
        File.Move(aside, link, overwrite: true);
    }

    public void WriteReference(string revision, string commit)
    {
        string path = ReferenceOf(revision);
        if (HubListing.IsCommit(revision) || (File.Exists(path) && File.ReadAllText(path) == commit))
        {
            return;
        }
        Directory.CreateDirectory(Path.GetDirectoryName(path)!); // below the model's
        string aside = $"{path}.{Environment.ProcessId}.{Guid.NewGuid():N}";
        File.WriteAllText(aside, commit);
        File.Move(aside, path, overwrite: true);
    }

    /// <summary>Keeps a file from being downloaded by two processes, or by two replicas on one volume; the operating system ends it with the process.</summary>
    /// <param name="waiting">Called when another holds it.</param>
    public async Task<IDisposable> LockAsync(HubFile file, TimeSpan poll, TimeProvider clock, Action waiting, CancellationToken cancellationToken)
    {
        string path = Path.Combine(_locks, file.BlobName + ".lock");
        for (bool first = true; ; first = false)
        {
            try
            {
                // FileShare.None is an exclusive flock, which is what Hugging Face's client takes on the same file.
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (IsHeld(e))
            {
                if (first)
                {
                    waiting();
                }
            }
            await Task.Delay(poll, clock, cancellationToken).ConfigureAwait(false);
        }
    }

    private static string FolderOf(string modelId) => "models--" + modelId.Replace("/", "--", StringComparison.Ordinal);

    private string ReferenceOf(string revision) => Path.Combine(_folder, "refs", revision);

    // EWOULDBLOCK, as the runtime passes it on; within one process too.
    private static bool IsHeld(IOException e) => e.HResult is 11 or 35 || e.GetType() == typeof(IOException) && e.Message.Contains("being used by another process", StringComparison.Ordinal);
}
