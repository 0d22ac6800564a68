using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>The tensors of a text model: what metadata announces, and what the mapper reads and writes.</summary>
internal static class TextModel
{
    /// <summary>The one version of a served model.</summary>
    public const string Version = "1";

    public const string Platform = "kservepaged";

    /// <summary>Where models live, in the words of Triton's statistics.</summary>
    public const string MemoryType = "CPU";

    /// <summary>A request may have several responses: a stream's are its pieces. One that is not streamed has a single whole one.</summary>
    public const bool IsDecoupled = true;

    public const string TextInput = "text_input";

    public const string Messages = "messages";

    public const string InputIds = "input_ids";

    public const string TextOutput = "text_output";

    public const string FinishReason = "finish_reason";

    public const string CumulativeLogprob = "cumulative_logprob";

    public const string Logprobs = "logprobs";

    public const string InputTokens = "num_input_tokens";

    public const string OutputTokens = "num_output_tokens";

    public const string OutputIds = "output_ids";

    public static readonly IReadOnlyList<string> Prompts = [TextInput, Messages, InputIds];

    public static ModelDescription Describe(ModelInfo info) => new(
        Platform, MaxBatchSize: 0, Inputs(info.HasTokenizer, info.HasChatTemplate), Outputs(info.HasTokenizer), IsDecoupled, InputsAreOptional: true);

    /// <summary>Inputs: exactly one of the three prompts; the rest is optional. -1 = any size.</summary>
    private static List<TensorMetadata> Inputs(bool hasTokenizer, bool hasChatTemplate)
    {
        List<TensorMetadata> inputs = [];
        if (hasTokenizer)
        {
            inputs.Add(new(TextInput, Datatype.Bytes, [-1]));
        }
        if (hasChatTemplate)
        {
            inputs.Add(new(Messages, Datatype.Bytes, [-1]));
        }
        inputs.Add(new(InputIds, Datatype.Int32, [-1]));
        inputs.Add(new("sampling_parameters", Datatype.Bytes, [1]));
        inputs.Add(new("stream", Datatype.Bool, [1]));
        inputs.Add(new("exclude_input_in_output", Datatype.Bool, [1]));
        return inputs;
    }

    /// <summary>All outputs; the log-probabilities appear when asked for.</summary>
    public static IReadOnlyList<TensorMetadata> Outputs(bool hasTokenizer)
    {
        List<TensorMetadata> outputs = hasTokenizer ? [new(TextOutput, Datatype.Bytes, [-1])] : [];
        outputs.Add(new(FinishReason, Datatype.Bytes, [-1]));
        outputs.Add(new(CumulativeLogprob, Datatype.Fp32, [-1]));
        outputs.Add(new(Logprobs, Datatype.Bytes, [-1]));
        outputs.Add(new(InputTokens, Datatype.Uint32, [-1]));
        outputs.Add(new(OutputTokens, Datatype.Uint32, [-1]));
        outputs.Add(new(OutputIds, Datatype.Int32, [-1]));
        return outputs;
    }
}
