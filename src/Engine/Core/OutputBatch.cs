namespace KServePaged.Engine.Core;

/// <summary>What the outputs of one request put out since it was read last.</summary>
internal sealed class OutputBatch
{
    public List<OutputRecord> Records { get; } = [];

    /// <summary>The alternatives of all records, in their order.</summary>
    public List<int> TopIds { get; } = [];

    /// <summary>Beside <see cref="TopIds"/>.</summary>
    public List<float> TopLogprobs { get; } = [];

    /// <summary>Prompt tokens found in the prefix cache; null in batches before the one that tells.</summary>
    public int? CachedPromptTokens { get; set; }

    /// <summary>From acceptance to the first step; told with <see cref="CachedPromptTokens"/>.</summary>
    public TimeSpan QueueTime { get; set; }

    /// <summary>When the first and the last new token of this batch came, timestamps of the engine's clock; null without new tokens.</summary>
    public (long First, long Last)? TokensAt { get; set; }

    /// <summary>The request failed as a whole; nothing follows.</summary>
    public Exception? Failure { get; set; }

    public bool IsEmpty => Records.Count == 0 && CachedPromptTokens is null && Failure is null;

    public void Clear()
    {
        Records.Clear();
        TopIds.Clear();
        TopLogprobs.Clear();
        CachedPromptTokens = null;
        TokensAt = null;
        Failure = null;
    }
}
