using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Generation;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>Finished generations to output tensors: prompt-major, the n outputs of a prompt side by side.</summary>
internal static class InferAssembler
{
    public static IReadOnlyList<InferTensor> Assemble(TextGeneration generation, IReadOnlyList<GeneratedPrompt> prompts)
    {
        GeneratedText[] outputs = [.. prompts.SelectMany(prompt => prompt.Outputs)];
        return [.. generation.Outputs.Select(name => Tensor(name, generation, prompts, outputs))];
    }

    public static string NameOf(FinishReason? reason) => reason switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        FinishReason.Abort => "abort",
        FinishReason.Error => "error",
        _ => throw new InvalidOperationException("The output has not ended."),
    };

    /// <summary>One JSON array of {id, text, logprob, rank, top} for an output.</summary>
    public static string LogprobsJson(IReadOnlyList<TokenLogprob> logprobs)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            TokenLogprobJson.Write(writer, logprobs);
        }
        return System.Text.Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static InferTensor Tensor(string name, TextGeneration generation, IReadOnlyList<GeneratedPrompt> prompts, GeneratedText[] outputs) => name switch
    {
        TextModel.TextOutput => InferTensor.OfTexts(name, [.. prompts.SelectMany(prompt => prompt.Outputs
            .Select(output => generation.Options.ExcludeInput ? output.Text : prompt.PromptText + output.Text))]),
        TextModel.FinishReason => InferTensor.OfTexts(name, [.. outputs.Select(output => NameOf(output.FinishReason))]),
        TextModel.CumulativeLogprob => InferTensor.OfFloat32(name, [.. outputs.Select(output => output.CumulativeLogprob)]),
        TextModel.Logprobs => InferTensor.OfTexts(name, [.. outputs.Select(output => LogprobsJson(output.Logprobs))]),
        TextModel.InputTokens => InferTensor.OfUint32(name, [.. prompts.Select(prompt => (uint)prompt.PromptTokens)]),
        TextModel.OutputTokens => InferTensor.OfUint32(name, [.. outputs.Select(output => (uint)output.TokenIds.Count)]),
        TextModel.OutputIds => Ids(name, outputs, generation.IsBatch),
        _ => throw new InvalidOperationException($"{name} is no output of a text model."),
    };

    // Rows of a batch end at different lengths: shorter ones are padded with -1, num_output_tokens says where each ends.
    private static InferTensor Ids(string name, GeneratedText[] outputs, bool isBatch)
    {
        if (outputs.Length == 1 && !isBatch)
        {
            return InferTensor.OfInt32(name, [outputs[0].TokenIds.Count], outputs[0].TokenIds.ToArray());
        }
        int width = outputs.Max(output => output.TokenIds.Count);
        int[] ids = new int[outputs.Length * width];
        Array.Fill(ids, -1);
        for (int i = 0; i < outputs.Length; i++)
        {
            outputs[i].TokenIds.CopyTo(ids, i * width);
        }
        return InferTensor.OfInt32(name, [outputs.Length, width], ids);
    }
}
