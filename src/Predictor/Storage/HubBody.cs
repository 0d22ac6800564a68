namespace KServePaged.Predictor.Storage;

/// <summary>The content of an answer. Every fault of the network is a <see cref="HubException"/> that may pass.</summary>
/// <param name="offset">Where in the file the content begins.</param>
internal sealed class HubBody(HttpResponseMessage response, long offset, string what, HubTiming timing) : IDisposable
{
    private Stream? _stream;

    public long Offset => offset;

    /// <returns>0 at the end.</returns>
    public async Task<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        using var idle = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        idle.CancelAfter(timing.IdleTimeout);
        try
        {
            _stream ??= await response.Content.ReadAsStreamAsync(idle.Token).ConfigureAwait(false);
            return await _stream.ReadAsync(buffer, idle.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new HubException($"{what} stopped arriving for {timing.IdleTimeout.TotalSeconds:0} s.", e) { MayPass = true };
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new HubException($"The connection broke while {what} arrived: {e.Message}", e) { MayPass = true };
        }
    }

    /// <exception cref="HubException">It does not end within <paramref name="limit"/> bytes.</exception>
    public async Task<ReadOnlyMemory<byte>> ReadAllAsync(int limit, CancellationToken cancellationToken)
    {
        using var all = new MemoryStream();
        byte[] chunk = new byte[64 << 10];
        for (int read; (read = await ReadAsync(chunk, cancellationToken).ConfigureAwait(false)) > 0;)
        {
            if (all.Length + read > limit)
            {
                throw new HubException($"{what} is longer than {limit} bytes.");
            }
            all.Write(chunk, 0, read);
        }
        return all.ToArray();
    }

    public void Dispose() => response.Dispose();
}
