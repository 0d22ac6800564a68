namespace KServePaged.Engine.Kernels;

internal sealed unsafe partial class DeviceStream
{
    /// <summary>Chooses a token for each row of logits: penalties, filters, noise and log-probabilities in one pass.</summary>
    public void Sample(in SamplingArguments arguments)
    {
        fixed (SamplingArguments* address = &arguments)
        {
            Functions.Check(Functions.kp_sample(Handle, (nint)address), nameof(Sample));
        }
    }
}
