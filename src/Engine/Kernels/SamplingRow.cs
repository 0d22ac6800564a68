using System.Runtime.InteropServices;

namespace KServePaged.Engine.Kernels;

/// <summary>kp_sampling_row of include/kp/sampling.h: how one row is sampled. The ranges point into the arrays of <see cref="SamplingArguments"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SamplingRow
{
    /// <summary>0 = greedy.</summary>
    public float Temperature;
    public float TopP;
    public float MinP;
    public float RepetitionPenalty;
    public float PresencePenalty;
    public float FrequencyPenalty;

    /// <summary>0 = off.</summary>
    public int TopK;
    public int HistoryStart;
    public int HistoryCount;
    public int BiasStart;
    public int BiasCount;
    public int BannedStart;
    public int BannedCount;

    /// <summary>Alternatives wanted; negative: no log-probabilities for this row.</summary>
    public int TopLogprobs;

    /// <summary>At least 0: nothing is drawn, this id is scored. -1: draw.</summary>
    public int GivenToken;
    public int Reserved;

    /// <summary>Key of the noise; its counter is <see cref="Position"/>, the index of the token within the sequence's output.</summary>
    public ulong Seed;
    public ulong Position;

    /// <summary>A row with every step switched off: plain draws at temperature 1, no log-probabilities.</summary>
    public static SamplingRow Plain => new()
    {
        Temperature = 1,
        TopP = 1,
        RepetitionPenalty = 1,
        TopLogprobs = -1,
        GivenToken = -1,
    };
}
