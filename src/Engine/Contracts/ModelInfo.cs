namespace KServePaged.Engine.Contracts;

/// <summary>What a loaded model is, for metadata answers and start-up checks.</summary>
public sealed record ModelInfo
{
    /// <summary>Directory it was loaded from.</summary>
    public required string Path { get; init; }

    /// <summary>The architecture's name in config.json (<c>LlamaForCausalLM</c>).</summary>
    public required string Architecture { get; init; }

    public required int VocabularySize { get; init; }

    /// <summary>Longest prompt plus output, in tokens.</summary>
    public required int MaxModelLength { get; init; }

    /// <summary>Type the weights are computed in: <c>float32</c>, <c>bfloat16</c> or <c>float16</c>.</summary>
    public required string DType { get; init; }

    public required long ParameterCount { get; init; }

    /// <summary>False: the model serves token ids only.</summary>
    public required bool HasTokenizer { get; init; }

    public required bool HasChatTemplate { get; init; }

    /// <summary>Tokens per cache block, and blocks in the pool.</summary>
    public required int BlockTokens { get; init; }

    public required int BlockCount { get; init; }

    /// <summary>Bytes of the device's memory that weights, working space and cache take.</summary>
    public required long MemoryBytes { get; init; }
}
