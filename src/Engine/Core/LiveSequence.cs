using KServePaged.Engine.Sampling;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Core;

/// <summary>A sequence of a request, with what the core keeps for it: where its tokens go and when things happened. Engine thread only.</summary>
internal sealed class LiveSequence(CoreRequest request, int outputIndex, long id, int[] prompt, int maxLength, SequenceSampling sampling)
    : Sequence(id, prompt, maxLength, sampling)
{
    public CoreRequest Request { get; } = request;

    public int OutputIndex { get; } = outputIndex;

    /// <summary>Alternatives that its tokens are reported with; -1 = no log-probabilities.</summary>
    public int TopLogprobs { get; init; } = -1;

    /// <summary>The same for the tokens of a scored prompt.</summary>
    public int PromptTopLogprobs { get; init; }

    /// <summary>The most tokens whose keys and values it ever had; a preemption does not lower it.</summary>
    public int ReachedLength { get; set; }

    /// <summary>Prompt tokens that steps computed for it, each counted once; the rest was found in the cache.</summary>
    public int ComputedPromptLength { get; set; }

    /// <summary>Timestamps of the engine's clock; null until it happened. A preemption does not restart them.</summary>
    public long? ScheduledAt { get; set; }

    public long? FirstTokenAt { get; set; }

    public long? LastTokenAt { get; set; }
}
