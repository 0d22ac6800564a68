namespace KServePaged.Predictor.Storage;

/// <summary>Brings one file into the cache: goes on where an earlier try ended, in this process or another, and believes nothing but the checksum.</summary>
internal sealed class BlobDownload(HubClient client, HubCache cache, DownloadProgress progress, HubTiming timing, TimeProvider clock, StorageLog log)
{
    private const int ChunkBytes = 1 << 20;

    /// <exception cref="HubException">It cannot be got.</exception>
    public async Task RunAsync(HubFile file, CancellationToken cancellationToken)
    {
        long counted = cache.BytesOf(file);
        using IDisposable held = await cache.LockAsync(file, timing.LockPoll, clock, () => log.WaitingForOther(file.Name), cancellationToken).ConfigureAwait(false);
        if (!cache.HasBlob(file))
        {
            await FetchAsync(file, counted, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            progress.Add(file.Size - counted); // another process has brought it meanwhile
        }
        cache.Link(file);
    }

    private async Task FetchAsync(HubFile file, long counted, CancellationToken cancellationToken)
    {
        await using PartialBlob part = await PartialBlob.OpenAsync(cache.PartOf(file), file, cancellationToken).ConfigureAwait(false);
        progress.Add(part.Length - counted);
        for (bool again = false; ; again = true)
        {
            await FillAsync(part, file, cancellationToken).ConfigureAwait(false);
            if (part.TryCommit(cache.BlobOf(file)))
            {
                return;
            }
            Restart(part);
            if (again)
            {
                throw new HubException($"{file.Name} has arrived twice with another checksum than its own ({file.Etag}): the server or what is on the way to it changes files.");
            }
            log.WrongChecksum(file.Name);
        }
    }

    private async Task FillAsync(PartialBlob part, HubFile file, CancellationToken cancellationToken)
    {
        var retry = new Retry(timing, clock, log);
        while (part.Length < file.Size)
        {
            long before = part.Length;
            try
            {
                await CopyAsync(part, file, cancellationToken).ConfigureAwait(false);
            }
            catch (HubException e)
            {
                if (part.Length > before)
                {
                    retry.Progressed();
                }
                await retry.WaitAsync(e, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task CopyAsync(PartialBlob part, HubFile file, CancellationToken cancellationToken)
    {
        using HubBody body = await client.OpenAsync(file, part.Length, cancellationToken).ConfigureAwait(false);
        if (body.Offset != part.Length)
        {
            Restart(part); // the server knows no ranges
        }
        byte[] chunk = new byte[ChunkBytes];
        for (int read; (read = await body.ReadAsync(chunk, cancellationToken).ConfigureAwait(false)) > 0;)
        {
            if (part.Length + read > file.Size)
            {
                Restart(part);
                throw new HubException($"{file.Name} is longer than the {file.Size} bytes it should have.");
            }
            await part.AppendAsync(chunk.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
            progress.Add(read);
            StorageMetrics.Bytes.Add(read);
        }
        if (part.Length < file.Size)
        {
            throw new HubException($"{file.Name} ended after {part.Length} of {file.Size} bytes.") { MayPass = true };
        }
    }

    private void Restart(PartialBlob part)
    {
        progress.Add(-part.Length);
        part.Restart();
    }
}
