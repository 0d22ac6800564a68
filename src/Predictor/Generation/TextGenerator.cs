using KServePaged.Engine;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Generation;

/// <summary>Runs the generations of one request side by side and gathers them.</summary>
internal static class TextGenerator
{
    /// <summary>All prompts or none: the first refusal or failure cancels the others and is thrown.</summary>
    public static async Task<IReadOnlyList<GeneratedPrompt>> RunAsync(
        ILlmEngine engine, IReadOnlyList<GenerationRequest> requests, CancellationToken cancellationToken)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<GeneratedPrompt>[] running = [.. requests.Select(request => GatherAsync(engine, request, linked.Token))];
        var pending = new HashSet<Task<GeneratedPrompt>>(running);
        while (pending.Count > 0)
        {
            Task<GeneratedPrompt> ended = await Task.WhenAny(pending).ConfigureAwait(false);
            pending.Remove(ended);
            if (!ended.IsCompletedSuccessfully)
            {
                await linked.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll(pending).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).ConfigureAwait(false);
                await ended.ConfigureAwait(false); // throws the cause
            }
        }
        return [.. running.Select(task => task.Result)];
    }

    private static async Task<GeneratedPrompt> GatherAsync(ILlmEngine engine, GenerationRequest request, CancellationToken cancellationToken)
    {
        GeneratedText[] outputs = [];
        string promptText = "";
        int promptTokens = 0;
        TimeSpan queueTime = default;
        await foreach (GenerationDelta delta in engine.GenerateAsync(request, cancellationToken).ConfigureAwait(false))
        {
            if (delta.IsStart)
            {
                outputs = [.. Enumerable.Range(0, request.OutputCount).Select(_ => new GeneratedText())];
                promptText = delta.PromptText ?? "";
                promptTokens = delta.Usage.PromptTokens;
            }
            else
            {
                outputs[delta.OutputIndex].Add(delta);
                queueTime = delta.QueueTime;
            }
        }
        return new GeneratedPrompt(promptText, promptTokens, outputs, queueTime);
    }
}
