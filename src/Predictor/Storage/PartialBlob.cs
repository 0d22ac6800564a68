namespace KServePaged.Predictor.Storage;

/// <summary>A file on its way into the cache: what has come so far, on disk and in its checksum. Survives the process.</summary>
internal sealed class PartialBlob : IAsyncDisposable
{
    private const int ChunkBytes = 1 << 20;

    private readonly string _path;
    private readonly HubFile _file;
    private FileStream _stream;
    private BlobHash _hash;

    private PartialBlob(string path, HubFile file)
    {
        _path = path;
        _file = file;
        _stream = Open(path);
        _hash = new BlobHash(file);
    }

    public long Length { get; private set; }

    public static async Task<PartialBlob> OpenAsync(string path, HubFile file, CancellationToken cancellationToken)
    {
        var blob = new PartialBlob(path, file);
        try
        {
            await blob.ReadBackAsync(cancellationToken).ConfigureAwait(false);
            return blob;
        }
        catch
        {
            await blob.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async Task AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        await _stream.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
        _hash.Append(bytes.Span);
        Length += bytes.Length;
    }

    /// <summary>Forgets what has come. The file is replaced, never cut: where locks do not work another process may have renamed it by now.</summary>
    public void Restart()
    {
        _stream.Dispose();
        _hash.Dispose();
        File.Delete(_path);
        _stream = Open(_path);
        _hash = new BlobHash(_file);
        Length = 0;
    }

    /// <summary>Gives the file its name if it is whole and right; once.</summary>
    /// <returns>False when it is not.</returns>
    public bool TryCommit(string destination)
    {
        if (Length != _file.Size || !_hash.Matches())
        {
            return false;
        }
        _stream.Flush(flushToDisk: true); // a blob is believed by its name later
        _stream.Dispose();
        File.Move(_path, destination, overwrite: true);
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync().ConfigureAwait(false);
        _hash.Dispose();
    }

    private static FileStream Open(string path) => new(path, new FileStreamOptions
    {
        Mode = FileMode.OpenOrCreate,
        Access = FileAccess.ReadWrite,
        Share = FileShare.ReadWrite | FileShare.Delete,
        BufferSize = 0,
        Options = FileOptions.Asynchronous,
    });

    private async Task ReadBackAsync(CancellationToken cancellationToken)
    {
        if (_stream.Length > _file.Size)
        {
            Restart();
            return;
        }
        byte[] chunk = new byte[ChunkBytes];
        for (int read; (read = await _stream.ReadAsync(chunk, cancellationToken).ConfigureAwait(false)) > 0;)
        {
            _hash.Append(chunk.AsSpan(0, read));
            Length += read;
        }
    }
}
