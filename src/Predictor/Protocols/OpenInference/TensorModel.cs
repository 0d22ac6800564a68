using System.Runtime.CompilerServices;
using System.Text.Json;
using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Generation;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>A model that is code, not files: tensors in, tensors out, no text. A load may override its batch size, as Triton's loads may.</summary>
internal abstract class TensorModel(string name, ModelDescription description, TimeProvider clock) : ServedModel([name], clock)
{
    private const string BatchSize = "max_batch_size";

    private readonly TimeProvider _clock = clock;
    private readonly ModelDescription _own = description;
    private volatile ModelDescription _description = description;
    private volatile TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile TaskCompletionSource? _idle;
    private int? _wantedBatchSize;
    private int _open;

    public ModelDescription Description => _description;

    public override int OpenRequests => Volatile.Read(ref _open);

    public override string Stamp => $"{_wantedBatchSize}";

    /// <summary>Names of the request parameters that the model looks at; others are refused.</summary>
    protected virtual IReadOnlyList<string> Parameters => [];

    /// <summary>What the next load makes of the model's configuration.</summary>
    /// <param name="config">JSON; null = as the model comes.</param>
    /// <exception cref="RequestException">It is no configuration, or one for something else than the batch size.</exception>
    public void Override(string? config)
    {
        if (config is null)
        {
            _wantedBatchSize = null;
            return;
        }
        try
        {
            JsonElement fields = JsonFields.ParseText(config, "config");
            JsonFields.RequireObject(fields, "'config'");
            JsonFields.RefuseUnknown(fields, [BatchSize], "'config'");
            int? size = fields.TryGetProperty(BatchSize, out JsonElement value) ? new OptionValue(BatchSize, value).Int32() : null;
            _wantedBatchSize = size is null or >= 0 ? size : throw JsonFields.Invalid($"'{BatchSize}' must be at least 0, not {size}.", BatchSize);
        }
        catch (RequestException refusal)
        {
            throw new RequestException(refusal.Code, $"failed to load '{Name}': {refusal.Message}", refusal.Parameter, refusal);
        }
    }

    /// <summary>Every response to a request, as it comes.</summary>
    /// <exception cref="RequestException">The model is not ready, or the request does not fit its description. Thrown before the first response.</exception>
    public async IAsyncEnumerable<TensorResponse> RespondAsync(InferRequest request, InferenceWatch watch, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Begin();
        try
        {
            Check(request, watch);
            await foreach (TensorResponse response in ComputeAsync(request, cancellationToken).ConfigureAwait(false))
            {
                yield return response with { Outputs = TensorRequest.Select(response.Outputs, request.Outputs) };
            }
        }
        finally
        {
            End();
        }
    }

    /// <summary>The one response of a model that is not decoupled.</summary>
    /// <exception cref="RequestException">As <see cref="RespondAsync"/>; Unsupported: the model is decoupled.</exception>
    public virtual IReadOnlyList<InferTensor> RespondOnce(InferRequest request, InferenceWatch watch) => throw new RequestException(
        EngineErrorCode.Unsupported, $"ModelInfer doesn't support models with decoupled transaction policy, such as '{Name}': use ModelStreamInfer.", "model");

    public override Task LoadAsync(long? memoryBytes, IProgress<LoadProgress> progress, CancellationToken cancellationToken)
    {
        _description = _own with { MaxBatchSize = _wantedBatchSize ?? _own.MaxBatchSize };
        _released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return Task.CompletedTask;
    }

    public override Task DrainAsync(CancellationToken cancellationToken)
    {
        var idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _idle = idle;
        if (OpenRequests == 0)
        {
            idle.TrySetResult();
        }
        return idle.Task.WaitAsync(cancellationToken);
    }

    public override ValueTask ReleaseAsync()
    {
        _released.TrySetResult();
        return ValueTask.CompletedTask;
    }

    /// <summary>A request is worked on from here to <see cref="End"/>.</summary>
    /// <exception cref="RequestException">The model is not ready.</exception>
    protected void Begin()
    {
        RequireReady();
        Interlocked.Increment(ref _open);
    }

    /// <exception cref="RequestException">The request does not fit the description.</exception>
    protected void Check(InferRequest request, InferenceWatch watch) => watch.Generating(TensorRequest.Check(request, Name, Description, Parameters));

    protected void End()
    {
        if (Interlocked.Decrement(ref _open) == 0)
        {
            _idle?.TrySetResult();
        }
    }

    /// <summary>The model itself. What it is given fits its description.</summary>
    /// <exception cref="RequestException">Values that it cannot work with.</exception>
    protected abstract IAsyncEnumerable<TensorResponse> ComputeAsync(InferRequest request, CancellationToken cancellationToken);

    /// <exception cref="RequestException">Draining: the model was released meanwhile.</exception>
    protected async Task DelayAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        Task released = _released.Task;
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task first = await Task.WhenAny(Task.Delay(time, _clock, ended.Token), released).ConfigureAwait(false);
        await ended.CancelAsync().ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        if (first == released)
        {
            throw new RequestException(EngineErrorCode.Draining, $"The model '{Name}' was unloaded before it had answered.");
        }
    }
}
