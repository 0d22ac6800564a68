using KServePaged.Engine.Configuration;
using KServePaged.Predictor.Configuration;

namespace KServePaged.Predictor.Storage;

/// <summary>Brings a model from the Hub into the cache and tells the directory it can be served from.</summary>
/// <param name="freeBytes">Free bytes of the volume that holds a directory; null = as the operating system says.</param>
internal sealed class HubDownload(
    HubReference model, HubOptions options, ILoggerFactory loggers, TimeProvider clock, HubTiming? timing = null, Func<string, long>? freeBytes = null)
{
    // More connections bring nothing on one network card, and each holds a chunk.
    private const int Parallel = 4;

    // Tries to ask for a newer commit where one is here that can be served instead.
    private const int AttemptsBesideCache = 2;

    private readonly HubTiming _timing = timing ?? new HubTiming();
    private readonly HubCache _cache = new(options.CachePath, model.Id);
    private readonly StorageLog _log = new(loggers.CreateLogger("KServePaged.Storage"));

    /// <returns>The snapshot: a directory in Hugging Face's layout.</returns>
    /// <exception cref="HubException">It cannot be got; the message is one line.</exception>
    public async Task<string> RunAsync(IProgress<LoadProgress> reports, CancellationToken cancellationToken)
    {
        try
        {
            if (options.Offline || HubListing.IsCommit(model.Revision))
            {
                if (_cache.Find(model.Revision) is { } here)
                {
                    return _cache.SnapshotOf(here); // a commit never changes, so that the Hub need not be asked
                }
                if (options.Offline)
                {
                    throw new HubException($"{model.Id} at {model.Revision} is not complete in {options.CachePath}, and HF_HUB_OFFLINE forbids to ask for it.");
                }
            }
            var progress = new DownloadProgress(reports, clock);
            progress.Begin();
            return await FromHubAsync(progress, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or (IOException and not HubException))
        {
            throw new HubException($"The cache of models in {options.CachePath} cannot be used ({e.Message}); name a volume that can be written with HF_HOME or --download_dir.", e);
        }
    }

    private async Task<string> FromHubAsync(DownloadProgress progress, CancellationToken cancellationToken)
    {
        using var client = new HubClient(model, options, _timing, clock, _log);
        string? here = _cache.Find(model.Revision);
        HubListing listing;
        try
        {
            listing = await client.ListAsync(here is null ? _timing.Attempts : AttemptsBesideCache, cancellationToken).ConfigureAwait(false);
        }
        catch (HubException e) when (e.MayPass && here is not null)
        {
            _log.UsingCache(e.Message, here); // a Hub that is away must not keep a restarted pod from serving
            return _cache.SnapshotOf(here);
        }
        string snapshot = _cache.SnapshotOf(listing.Commit);
        _log.Resolved(model.Id, model.Revision, listing.Commit, snapshot);
        IReadOnlyList<string> small = HubFiles.Small(listing, model);
        _cache.Prepare(listing.Commit);
        await FetchAsync(client, listing.Commit, small, progress, cancellationToken).ConfigureAwait(false);
        await FetchAsync(client, listing.Commit, HubFiles.Weights(listing, snapshot), progress, cancellationToken).ConfigureAwait(false);
        _cache.WriteReference(model.Revision, listing.Commit);
        return snapshot;
    }

    private async Task FetchAsync(HubClient client, string commit, IReadOnlyList<string> names, DownloadProgress progress, CancellationToken cancellationToken)
    {
        string[] missing = [.. names.Where(name => !File.Exists(Path.Combine(_cache.SnapshotOf(commit), name)))];
        var files = new HubFile[missing.Length];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellationToken };
        await System.Threading.Tasks.Parallel.ForAsync(0, missing.Length, parallel, async (i, cancelled) =>
            files[i] = await client.DescribeAsync(missing[i], commit, cancelled).ConfigureAwait(false)).ConfigureAwait(false);
        if (files.Length == 0)
        {
            return;
        }
        Announce(files, progress);
        var download = new BlobDownload(client, _cache, progress, _timing, clock, _log);
        // One after the other in the order of names where two are the same blob: its lock sees to it.
        await System.Threading.Tasks.Parallel.ForEachAsync(files, parallel, async (file, cancelled) =>
            await download.RunAsync(file, cancelled).ConfigureAwait(false)).ConfigureAwait(false);
    }

    private void Announce(HubFile[] files, DownloadProgress progress)
    {
        long total = files.Sum(file => file.Size);
        long here = files.Sum(_cache.BytesOf);
        foreach (HubFile file in files.Where(file => !file.HasChecksum))
        {
            _log.NoChecksum(options.Endpoint, file.Name);
        }
        long free = (freeBytes ?? Free)(_cache.Root);
        if (total - here > free)
        {
            throw new HubException(string.Create(
                System.Globalization.CultureInfo.InvariantCulture,
                $"{model.Id} needs {(total - here) / 1e9:0.##} GB in {options.CachePath}, where {free / 1e9:0.##} GB are free: name a larger volume with HF_HOME or --download_dir."));
        }
        _log.Downloading(files.Length, total / 1e6, (total - here) / 1e6);
        progress.Expect(total, here);
    }

    private static long Free(string path) => new DriveInfo(path).AvailableFreeSpace;
}
