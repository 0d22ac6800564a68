using System.Runtime.CompilerServices;
using KServePaged.Engine;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Generation;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>A streamed infer: each piece holds what is new, the last one also how it ended and the counts of the whole.</summary>
internal static class InferPieces
{
    private static readonly string[] OfEveryPiece = [TextModel.TextOutput, TextModel.OutputIds, TextModel.Logprobs, TextModel.CumulativeLogprob];

    /// <exception cref="RequestException">Several prompts or outputs: a stream carries one.</exception>
    public static async IAsyncEnumerable<(IReadOnlyList<InferTensor> Outputs, bool IsLast)> RunAsync(
        ILlmEngine engine, TextGeneration generation, InferenceWatch watch, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (generation.Requests.Count != 1 || generation.Options.OutputCount != 1)
        {
            throw JsonFields.Invalid("a streamed request holds one prompt and 'n' of 1; send several requests on the stream.", "stream");
        }
        string prefix = "";
        int promptTokens = 0;
        int outputTokens = 0;
        var piece = new GeneratedText();
        await foreach (GenerationDelta delta in engine.GenerateAsync(generation.Requests[0], cancellationToken).ConfigureAwait(false))
        {
            if (delta.IsStart)
            {
                prefix = delta.PromptText ?? "";
                promptTokens = delta.Usage.PromptTokens;
                continue;
            }
            watch.Queued(delta.QueueTime);
            piece.Add(delta);
            outputTokens += delta.TokenIds.Count;
            bool isLast = delta.FinishReason is not null;
            if (isLast || delta.Text.Length > 0 || !engine.Model.HasTokenizer)
            {
                yield return (Assemble(generation, piece, prefix, promptTokens, outputTokens, isLast), isLast);
                piece = new GeneratedText();
                prefix = ""; // an echoed prompt comes once
            }
        }
    }

    private static IReadOnlyList<InferTensor> Assemble(
        TextGeneration generation, GeneratedText piece, string prefix, int promptTokens, int outputTokens, bool isLast)
    {
        TextGeneration shown = isLast ? generation : generation with { Outputs = [.. generation.Outputs.Where(OfEveryPiece.Contains)] };
        IReadOnlyList<InferTensor> outputs = InferAssembler.Assemble(shown, [new GeneratedPrompt(prefix, promptTokens, [piece])]);
        return [.. outputs.Select(tensor => tensor.Name == TextModel.OutputTokens ? InferTensor.OfUint32(tensor.Name, [(uint)outputTokens]) : tensor)];
    }
}
