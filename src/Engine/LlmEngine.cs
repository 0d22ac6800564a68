using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Core;
using KServePaged.Engine.Diagnostics;
using KServePaged.Engine.Execution;
using KServePaged.Engine.Kernels;
using KServePaged.Engine.Processing;
using KServePaged.Engine.Tokenization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Engine;

/// <summary>A loaded model with its engine thread. Requests are prepared and read on the callers' threads.</summary>
public sealed class LlmEngine : ILlmEngine
{
    private readonly EngineThread _thread;
    private readonly EngineParts _parts;
    private readonly Inbox _inbox;
    private readonly EngineLog _log;
    private readonly TimeProvider _clock;
    private readonly RequestGate _gate = new();

    private LlmEngine(EngineThread thread, EngineParts parts, Inbox inbox, EngineLog log, TimeProvider clock)
    {
        _thread = thread;
        _parts = parts;
        _inbox = inbox;
        _log = log;
        _clock = clock;
    }

    public ModelInfo Model => _parts.Info;

    public ITextCodec Text => _parts.Codec;

    public EngineStatistics Statistics => _parts.Core.Statistics;

    public Exception? Failure => _thread.Failure;

    /// <summary>Loads a model directory and returns when a first decode has run. A directory without tokenizer.json serves token ids.</summary>
    /// <param name="options">What to load and how.</param>
    /// <param name="progress">Told the stages in order, on loading threads.</param>
    /// <param name="loggers">For the engine's logs.</param>
    /// <param name="cancellationToken">Ends the loading; what was loaded is freed.</param>
    /// <exception cref="InvalidDataException">A file is broken or not supported, or an option cannot be met; the message says which and why.</exception>
    public static async Task<ILlmEngine> LoadAsync(
        EngineOptions options, IProgress<LoadProgress>? progress, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        var log = new EngineLog(loggers.CreateLogger("KServePaged.Engine"));
        ILogger loadLog = loggers.CreateLogger("KServePaged.Engine.Load");
        progress?.Report(new LoadProgress("tokenizer", 0, 0));
        string textPath = options.TokenizerPath ?? options.ModelPath;
        ITokenizer? tokenizer = await Task.Run(() => TokenizerJson.Load(textPath), cancellationToken).ConfigureAwait(false);
        if (tokenizer is null && (options.TokenizerPath ?? options.ChatTemplatePath) is not null)
        {
            throw new InvalidDataException($"tokenizer: there is no tokenizer.json in {textPath}");
        }
        ChatRenderer? chat = tokenizer is null ? null : ChatRenderer.Load(textPath, options.ChatTemplatePath, TimeProvider.System);
        return await StartAsync(
            options,
            () => ModelLoader.Load(options, progress, loadLog, cancellationToken),
            model => new TextCodec(tokenizer, chat is null ? null : chat.Render, model.VocabularySize),
            progress,
            log,
            TimeProvider.System).ConfigureAwait(false);
    }

    /// <summary>Bytes of memory on the device the options choose that engines may divide among themselves.</summary>
    /// <exception cref="InvalidDataException">There is no such device.</exception>
    public static long FreeMemory(EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        using Device device = DeviceChoice.Open(options with { Threads = 1 }, NullLogger.Instance);
        return EnginePlanner.UsableBytes(device.Info);
    }

    /// <param name="load">Called on the engine thread, which also disposes the model.</param>
    /// <param name="makeCodec">Called after it.</param>
    internal static async Task<LlmEngine> StartAsync(
        EngineOptions options, Func<LoadedModel> load, Func<LoadedModel, TextCodec> makeCodec, IProgress<LoadProgress>? progress, EngineLog log, TimeProvider clock)
    {
        var inbox = new Inbox(options.MaxQueuedRequests);
        LoadedModel? model = null;
        EngineParts? parts = null;
        var thread = new EngineThread(
            inbox,
            prepare: () =>
            {
                model = load();
                progress?.Report(new LoadProgress("warmup", 0, 0));
                parts = new EngineParts(options, model, makeCodec(model), inbox, clock);
                return parts.Core;
            },
            release: () => (parts as IDisposable ?? model)?.Dispose(),
            log);
        try
        {
            await thread.Ready.ConfigureAwait(false);
            EngineParts ready = parts!; // made before the thread said so
            log.Ready(
                options.MaxSequences, options.MaxBatchedTokens, options.EnablePrefixCaching, ready.Info.HasTokenizer, ready.Info.HasChatTemplate);
            progress?.Report(new LoadProgress("ready", 0, 0));
            return new LlmEngine(thread, ready, inbox, log, clock);
        }
        catch
        {
            await thread.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async IAsyncEnumerable<GenerationDelta> GenerateAsync(
        GenerationRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        using RequestGate.Pass pass = _gate.Enter();
        ProcessedRequest processed = _parts.Input.Process(request);
        cancellationToken.ThrowIfCancellationRequested();
        (CoreRequest core, DateTimeOffset acceptedAt) = Submit(request, processed);
        var output = new OutputProcessor(processed, _parts.Codec, _parts.EndTokenIds) { AcceptedAt = acceptedAt };
        // The reader is woken by a cancellation as by a token, and leaves through the finally below.
        using CancellationTokenRegistration registration =
            cancellationToken.UnsafeRegister(static state => ((SequenceOutput)state!).Interrupt(), core.Output); // registered with it
        try
        {
            var batch = new OutputBatch();
            while (true)
            {
                foreach (GenerationDelta delta in output.Take())
                {
                    yield return delta;
                }
                if (output.IsComplete)
                {
                    yield break;
                }
                while (!core.Output.TryTake(ref batch))
                {
                    await core.Output.WaitAsync().ConfigureAwait(false);
                    cancellationToken.ThrowIfCancellationRequested();
                }
                Take(core, batch, output);
            }
        }
        finally
        {
            if (!output.IsComplete)
            {
                _inbox.End(new RequestEnding(core, OutputIndex: null, FinishReason.Abort));
            }
        }
    }

    public Task DrainAsync(CancellationToken cancellationToken) => _gate.DrainAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        _gate.Close();
        await _thread.DisposeAsync().ConfigureAwait(false);
    }

    private (CoreRequest Core, DateTimeOffset AcceptedAt) Submit(GenerationRequest request, ProcessedRequest processed)
    {
        DateTimeOffset wallClock = _clock.GetUtcNow();
        long now = _clock.GetTimestamp();
        if (request.Deadline <= wallClock)
        {
            throw new RequestException(EngineErrorCode.DeadlineExceeded, "The deadline of the request passed before it was accepted.");
        }
        CoreRequest core = _parts.Requests.Create(
            processed.PromptIds,
            processed.Sampling,
            processed.MaxNewTokens,
            processed.OutputCount,
            processed.Seed,
            request.CacheSalt,
            arrivedAt: Math.Min(now, Timestamp(request.ArrivedAt ?? wallClock)),
            queuedAt: now,
            deadline: request.Deadline is { } deadline ? Timestamp(deadline) : null);
        switch (_inbox.TrySubmit(core))
        {
            case Submission.Accepted:
                _log.Accepted(request.RequestId, processed.PromptIds.Length, processed.MaxNewTokens, processed.OutputCount);
                return (core, wallClock);
            case Submission.Full:
                _parts.Metrics.Rejected();
                throw new RequestException(EngineErrorCode.Overloaded, "The queue is full; try again later.") { RetryAfter = TimeSpan.FromSeconds(1) };
            case Submission.Closed when Failure is null:
                throw new RequestException(EngineErrorCode.Draining, "The server is shutting down and takes no new requests.");
            default:
                throw new RequestException(EngineErrorCode.Internal, "The engine failed and serves no more requests.", innerException: Failure);
        }

        long Timestamp(DateTimeOffset at) => now + (long)((at - wallClock).TotalSeconds * _clock.TimestampFrequency);
    }

    private void Take(CoreRequest core, OutputBatch batch, OutputProcessor output)
    {
        if (batch.CachedPromptTokens is { } cached)
        {
            output.CachedPromptTokens = cached;
            output.Times = output.Times with { Queue = batch.QueueTime };
        }
        if (batch.TokensAt is { } tokens)
        {
            long first = output.FirstTokenAt ??= tokens.First;
            TimeSpan prefill = _clock.GetElapsedTime(core.QueuedAt, first) - output.Times.Queue;
            output.Times = output.Times with { Prefill = prefill > TimeSpan.Zero ? prefill : TimeSpan.Zero, Decode = _clock.GetElapsedTime(first, tokens.Last) };
        }
        ReadOnlySpan<int> topIds = CollectionsMarshal.AsSpan(batch.TopIds);
        ReadOnlySpan<float> topLogprobs = CollectionsMarshal.AsSpan(batch.TopLogprobs);
        int top = 0;
        foreach (OutputRecord record in batch.Records)
        {
            var token = new SampledToken(
                record.TokenId, record.Logprob, record.Rank, topIds.Slice(top, record.TopCount), topLogprobs.Slice(top, record.TopCount), record.Finish);
            top += record.TopCount;
            if (record.IsPrompt)
            {
                output.AddPrompt(token);
            }
            else if (output.Add(record.OutputIndex, token))
            {
                _inbox.End(new RequestEnding(core, record.OutputIndex, FinishReason.Stop));
            }
        }
        if (batch.Failure is RequestException failure)
        {
            // The core tells one exception to many readers; each throws its own.
            throw new RequestException(failure.Code, failure.Message, failure.Parameter, failure);
        }
    }
}
