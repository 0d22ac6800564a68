using KServePaged.Engine;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Generation;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.InferenceLogging;
using KServePaged.Predictor.Transport.Grpc;

namespace KServePaged.Predictor.Protocols.OpenInference.Grpc;

/// <summary>
/// One ModelStreamInfer call: many requests side by side, answers told apart by id. A request that fails is answered by an error message and
/// leaves the stream open, unless the caller asked for gRPC errors.
/// </summary>
internal sealed class InferStream(
    ModelRepository repository, LoadQueue queue, InferenceStatistics statistics, InferenceLog log, GrpcMessageReader<WireInferRequest> requests, GrpcMessageWriter<WireStreamResponse> responses, GrpcCallContext call)
    : IDisposable
{
    private const string EmptyFinalResponse = "triton_enable_empty_final_response";

    // Requests of one stream that generate at a time; more wait unread, so that a caller cannot queue without bound.
    private const int MaxConcurrent = 256;

    private readonly SemaphoreSlim _writing = new(1);
    private readonly bool _endsOnError = call.RequestMetadata.Text("triton_grpc_error") == "true";
    private int _requestCount;

    public async Task RunAsync()
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(call.CancellationToken);
        var running = new HashSet<Task>();
        try
        {
            await foreach (WireInferRequest request in requests.ReadAllAsync(linked.Token).ConfigureAwait(false))
            {
                running.Add(AnswerAsync(request, linked.Token));
                await ReapAsync(running, MaxConcurrent - 1).ConfigureAwait(false);
            }
            await ReapAsync(running, 0).ConfigureAwait(false);
        }
        finally
        {
            await linked.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(running).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).ConfigureAwait(false);
        }
    }

    public void Dispose() => _writing.Dispose();

    // Takes out what has ended, and waits until at most `most` are left; the first failure is thrown.
    private static async Task ReapAsync(HashSet<Task> running, int most)
    {
        while (running.FirstOrDefault(task => task.IsCompleted) is { } ended || running.Count > most)
        {
            ended = running.FirstOrDefault(task => task.IsCompleted) ?? await Task.WhenAny(running).ConfigureAwait(false);
            running.Remove(ended);
            await ended.ConfigureAwait(false);
        }
    }

    private async Task AnswerAsync(WireInferRequest request, CancellationToken cancellationToken)
    {
        try
        {
            ServedModel model = ModelLookup.Select(repository, request.ModelName, request.ModelVersion, new Caller(call.RequestId, call.RequestMetadata.Text(OpenInferenceGrpc.Variant)));
            if (model is TensorModel tensors)
            {
                await statistics.Of(model).MeasureAsync(watch => RespondAsync(request, tensors, watch, cancellationToken), cancellationToken).ConfigureAwait(false);
                return;
            }
            LanguageModel text = ModelLookup.TextOf(model);
            await queue.WaitAsync(text, tell: null, cancellationToken).ConfigureAwait(false);
            ILlmEngine engine = text.Engine;
            await statistics.Of(model).MeasureAsync(watch => GenerateAsync(request, engine, watch, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        catch (RequestException refusal) when (!_endsOnError)
        {
            var final = new WireInferResponse(new InferResponse(request.ModelName, request.ModelVersion, request.Id, []), raw: true, isFinal: true);
            await SendAsync(new WireStreamResponse(ErrorReply.From(refusal).Message, final), cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task GenerateAsync(WireInferRequest request, ILlmEngine engine, InferenceWatch watch, CancellationToken cancellationToken)
    {
        bool emptyFinal = TakeEmptyFinal(request);
        InferRequest read = ProtoInfer.Read(request);
        InferExchange? exchange = InferExchange.Begin(log, call, Interlocked.Increment(ref _requestCount), read, request.Size);
        TextGeneration generation = InferMapper.Map(read, engine.Model, call.RequestId, call.Deadline);
        bool raw = ProtoInfer.IsRaw(request);
        string id = read.Id ?? "";
        watch.Generating(generation.Requests.Count);
        if (generation.Options.Stream == true)
        {
            await StreamAsync(engine, generation, request.ModelName, id, raw, emptyFinal, watch, exchange, cancellationToken).ConfigureAwait(false);
            return;
        }
        IReadOnlyList<GeneratedPrompt> prompts = await TextGenerator.RunAsync(engine, generation.Requests, cancellationToken).ConfigureAwait(false);
        watch.Answering(GeneratedPrompt.LongestWait(prompts));
        var response = new InferResponse(request.ModelName, TextModel.Version, id, InferAssembler.Assemble(generation, prompts));
        var message = new WireInferResponse(response, raw, isFinal: !emptyFinal);
        exchange?.Answered(response, message.Size);
        await SendAsync(message, cancellationToken).ConfigureAwait(false);
        await SendEmptyFinalAsync(emptyFinal, request.ModelName, id, cancellationToken).ConfigureAwait(false);
    }

    private async Task RespondAsync(WireInferRequest request, TensorModel model, InferenceWatch watch, CancellationToken cancellationToken)
    {
        bool emptyFinal = TakeEmptyFinal(request);
        InferRequest read = ProtoInfer.Read(request);
        string id = read.Id ?? "";
        bool hasAnswered = false;
        await foreach ((IReadOnlyList<InferTensor> outputs, bool isLast) in model.RespondAsync(read, watch, cancellationToken).ConfigureAwait(false))
        {
            var message = new WireInferResponse(new InferResponse(request.ModelName, TextModel.Version, id, outputs), raw: true, isLast && !emptyFinal);
            await SendAsync(message, cancellationToken).ConfigureAwait(false);
            hasAnswered = true;
        }
        watch.Answering(TimeSpan.Zero); // nothing queues
        await SendEmptyFinalAsync(emptyFinal || !hasAnswered, request.ModelName, id, cancellationToken).ConfigureAwait(false);
    }

    private static bool TakeEmptyFinal(WireInferRequest request)
    {
        InferParameter? parameter = null;
        return request.Parameters?.Remove(EmptyFinalResponse, out parameter) == true && parameter.BoolParam;
    }

    private async Task StreamAsync(
        ILlmEngine engine, TextGeneration generation, string model, string id, bool raw, bool emptyFinal, InferenceWatch watch, InferExchange? exchange,
        CancellationToken cancellationToken)
    {
        bool isComplete = false;
        try
        {
            await foreach ((IReadOnlyList<InferTensor> outputs, bool isLast) in InferPieces.RunAsync(engine, generation, watch, cancellationToken).ConfigureAwait(false))
            {
                var piece = new InferResponse(model, TextModel.Version, id, outputs);
                var message = new WireInferResponse(piece, raw, isLast && !emptyFinal);
                exchange?.AnsweredPiece(piece, message.Size);
                await SendAsync(message, cancellationToken).ConfigureAwait(false);
            }
            isComplete = true;
        }
        finally
        {
            exchange?.End(isComplete);
        }
        await SendEmptyFinalAsync(emptyFinal, model, id, cancellationToken).ConfigureAwait(false);
    }

    private async Task SendEmptyFinalAsync(bool wanted, string model, string id, CancellationToken cancellationToken)
    {
        if (wanted)
        {
            await SendAsync(new WireInferResponse(new InferResponse(model, TextModel.Version, id, []), raw: true, isFinal: true), cancellationToken).ConfigureAwait(false);
        }
    }

    private Task SendAsync(WireInferResponse response, CancellationToken cancellationToken) => SendAsync(new WireStreamResponse("", response), cancellationToken);

    private async Task SendAsync(WireStreamResponse response, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await responses.WriteAsync(response, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _writing.Release();
        }
    }
}
