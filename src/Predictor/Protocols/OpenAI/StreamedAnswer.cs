using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary>A batch as a stream of events; what an event looks like is the derived class's business.</summary>
internal abstract class StreamedAnswer(HttpContext context, CallOptions options, AnswerHead head, GenerationBatch batch)
{
    protected CallOptions Options => options;

    protected AnswerHead Head => head;

    protected GenerationBatch Batch => batch;

    public async Task WriteAsync()
    {
        using var events = new ServerSentEvents(context);
        await events.StartAsync().ConfigureAwait(false);
        try
        {
            await WriteEventsAsync(events).ConfigureAwait(false);
        }
        catch (Exception e) when (!context.RequestAborted.IsCancellationRequested)
        {
            // The status is out; OpenAI's clients look for an error among the events.
            ErrorReply reply = context.RequestServices.GetRequiredService<ErrorWriter>().ReplyTo(e, context);
            await events.WriteAsync(json => OpenAIErrorShape.Write(json, reply)).ConfigureAwait(false);
        }
        await events.WriteDoneAsync().ConfigureAwait(false);
    }

    /// <summary>Events before the first token.</summary>
    protected abstract Task BeginAsync(ServerSentEvents events);

    /// <summary>Writes the choice of one event.</summary>
    protected abstract void WriteChoice(Utf8JsonWriter json, int prompt, int choice, GenerationDelta delta, bool isFirst);

    /// <summary>One event: the head, what <paramref name="writeChoice"/> writes as its only choice, then what belongs behind it.</summary>
    protected Task WriteEventAsync(ServerSentEvents events, Action<Utf8JsonWriter> writeChoice, Usage usage, Action<Utf8JsonWriter>? writeTail = null, bool isLast = false) =>
        events.WriteAsync(json =>
        {
            head.Begin(json);
            json.WriteStartArray("choices");
            writeChoice(json);
            json.WriteEndArray();
            if (options.ContinuousUsage)
            {
                AnswerParts.WriteStreamUsage(json, usage);
            }
            writeTail?.Invoke(json);
            if (isLast)
            {
                json.WriteString("system_fingerprint", head.Fingerprint);
            }
            json.WriteEndObject();
        });

    private async Task WriteEventsAsync(ServerSentEvents events)
    {
        Usage[] usages = [.. batch.Starts.Select(start => start.Usage)];
        await BeginAsync(events).ConfigureAwait(false);
        Pending[] pending = [.. Enumerable.Range(0, usages.Length * options.OutputCount).Select(_ => new Pending())];
        await foreach ((int prompt, GenerationDelta delta) in batch.ReadAsync().ConfigureAwait(false))
        {
            CollectedOutput.RefuseFailure(delta);
            usages[prompt] = delta.Usage;
            int choice = (prompt * options.OutputCount) + delta.OutputIndex;
            if (pending[choice].Add(delta, options) is { } piece)
            {
                bool isFirst = pending[choice].TakeIsFirst();
                await WriteEventAsync(
                    events, json => WriteChoice(json, prompt, choice, piece, isFirst), piece.Usage, isLast: piece.FinishReason is not null && !options.IncludeUsage)
                    .ConfigureAwait(false);
            }
        }
        if (options.IncludeUsage)
        {
            await events.WriteAsync(json =>
            {
                head.Begin(json);
                json.WriteStartArray("choices");
                json.WriteEndArray();
                AnswerParts.WriteStreamUsage(json, CollectedOutput.Sum(usages));
                json.WriteString("system_fingerprint", head.Fingerprint);
                json.WriteEndObject();
            }).ConfigureAwait(false);
        }
    }

    /// <summary>What of one choice is not yet sent.</summary>
    private sealed class Pending
    {
        private readonly CollectedOutput _collected = new();
        private int _tokens;
        private int _nextAt = 1;
        private bool _isFirst = true;

        /// <returns>What is to be sent now, or null.</returns>
        public GenerationDelta? Add(GenerationDelta delta, CallOptions options)
        {
            _collected.Add(delta);
            _tokens += delta.TokenIds.Count;
            bool due = delta.FinishReason is not null || _tokens >= _nextAt;
            // Nothing to show while a character or a possible stop string is incomplete.
            bool silent = delta.FinishReason is null && _collected.Text.Length == 0
                && !(options.ReturnTokenIds || options.ContinuousUsage || options.Sampling.TopLogprobs is not null);
            if (!due || silent)
            {
                return null;
            }
            _nextAt = _tokens + options.StreamInterval;
            return _collected.Drain();
        }

        public bool TakeIsFirst()
        {
            bool was = _isFirst;
            _isFirst = false;
            return was;
        }
    }
}
