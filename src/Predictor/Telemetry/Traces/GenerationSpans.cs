using System.Diagnostics;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Telemetry.Requests;

namespace KServePaged.Predictor.Telemetry.Traces;

/// <summary>
/// A generation as spans: itself with the attributes of OpenTelemetry's conventions for generative AI and those of vLLM, below it queue,
/// prefill and decode. Made when it has ended, from the engine's own times.
/// </summary>
internal static class GenerationSpans
{
    public static void Write(ActivitySource source, GenerationRecord record, ActivityContext parent)
    {
        string operation = record.Request.Prompt is Prompt.Chat ? "chat" : "text_completion";
        using Activity? whole = source.StartActivity($"{operation} {record.Model}", ActivityKind.Internal, parent, startTime: record.ArrivedAt);
        if (whole is null)
        {
            return;
        }
        if (whole.IsAllDataRequested)
        {
            whole.SetTag("gen_ai.operation.name", operation);
            SetRequest(whole, record);
            SetOutcome(whole, record);
        }
        if (record.AcceptedAt is { } accepted)
        {
            WriteStages(source, record, whole.Context, accepted);
        }
        whole.SetEndTime(record.EndedAt.UtcDateTime);
    }

    private static void SetRequest(Activity span, GenerationRecord record)
    {
        SamplingParameters sampling = record.Request.Sampling;
        span.SetTag("gen_ai.provider.name", "kservepaged");
        span.SetTag("gen_ai.request.model", record.Model);
        span.SetTag("gen_ai.request.id", record.Request.RequestId);
        span.SetTag("gen_ai.request.n", record.Request.OutputCount);
        span.SetTag("gen_ai.request.choice.count", record.Request.OutputCount);
        span.SetTag("gen_ai.request.max_tokens", sampling.MaxTokens);
        span.SetTag("gen_ai.request.temperature", sampling.Temperature);
        span.SetTag("gen_ai.request.top_p", sampling.TopP);
        span.SetTag("gen_ai.request.top_k", sampling.TopK);
        span.SetTag("gen_ai.request.seed", sampling.Seed);
        span.SetTag("gen_ai.request.frequency_penalty", sampling.FrequencyPenalty == 0 ? null : sampling.FrequencyPenalty);
        span.SetTag("gen_ai.request.presence_penalty", sampling.PresencePenalty == 0 ? null : sampling.PresencePenalty);
    }

    private static void SetOutcome(Activity span, GenerationRecord record)
    {
        span.SetTag("gen_ai.response.model", record.Model);
        span.SetTag("gen_ai.response.id", record.Request.RequestId);
        span.SetTag("gen_ai.response.finish_reasons", record.FinishReasons.ToArray());
        span.SetTag("gen_ai.usage.input_tokens", record.Usage.PromptTokens);
        span.SetTag("gen_ai.usage.output_tokens", record.Usage.CompletionTokens);
        span.SetTag("gen_ai.usage.cache_read.input_tokens", record.Usage.CachedPromptTokens);
        span.SetTag("gen_ai.usage.prompt_tokens", record.Usage.PromptTokens);
        span.SetTag("gen_ai.usage.completion_tokens", record.Usage.CompletionTokens);
        span.SetTag("gen_ai.latency.e2e", (record.EndedAt - record.ArrivedAt).TotalSeconds);
        if (record.AcceptedAt is not null)
        {
            span.SetTag("gen_ai.latency.time_in_queue", record.QueueTime.TotalSeconds);
        }
        if (record is { PrefillTime: { } prefill, FirstTokenTime: { } first })
        {
            span.SetTag("gen_ai.latency.time_to_first_token", first.TotalSeconds);
            span.SetTag("gen_ai.latency.time_in_model_prefill", prefill.TotalSeconds);
            span.SetTag("gen_ai.latency.time_in_model_decode", record.DecodeTime.TotalSeconds);
            span.SetTag("gen_ai.latency.time_in_model_inference", (prefill + record.DecodeTime).TotalSeconds);
        }
        if (record.Failure is { } failure)
        {
            span.SetTag("error.type", failure is RequestException refusal ? refusal.Code.ToString() : failure.GetType().Name);
            span.SetStatus(ActivityStatusCode.Error, failure is RequestException told ? told.Message : null);
        }
    }

    private static void WriteStages(ActivitySource source, GenerationRecord record, ActivityContext whole, DateTimeOffset accepted)
    {
        if (record.PrefillTime is not { } prefill)
        {
            Write("queue", accepted, record.EndedAt); // it never left it, or was given up before a token came
            return;
        }
        DateTimeOffset scheduled = accepted + record.QueueTime;
        DateTimeOffset first = scheduled + prefill;
        Write("queue", accepted, scheduled);
        Write("prefill", scheduled, first);
        Write("decode", first, first + record.DecodeTime);

        void Write(string name, DateTimeOffset from, DateTimeOffset to)
        {
            using Activity? span = source.StartActivity(name, ActivityKind.Internal, whole, startTime: from);
            span?.SetTag("gen_ai.request.id", record.Request.RequestId);
            span?.SetEndTime(to.UtcDateTime);
        }
    }
}
