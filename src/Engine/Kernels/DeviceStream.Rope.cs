namespace KServePaged.Engine.Kernels;

internal sealed unsafe partial class DeviceStream
{
    /// <summary>cosSin[t, i] = scale * cos(positions[t] * inverseFrequency[i]) and at half + i the sine; once a step for all layers.</summary>
    /// <param name="inverseFrequency">[half] f64.</param>
    /// <param name="half">Rotated pairs of a head.</param>
    /// <param name="scale">On both, for scaled variants; otherwise 1.</param>
    /// <param name="positions">[tokens] i32, at least 0.</param>
    /// <param name="tokens">Rows; 0 is fine.</param>
    /// <param name="cosSin">[tokens, 2 * half] f32.</param>
    public void RopeAngles(nint inverseFrequency, long half, double scale, nint positions, long tokens, nint cosSin) => Functions.Check(
        Functions.kp_rope_angles(Handle, inverseFrequency, half, scale, positions, tokens, cosSin), nameof(RopeAngles));

    /// <summary>Rotates queries in place, and keys on their way into the paged cache, beside the values.</summary>
    public void RopeCacheWrite(in RopeCacheWriteArguments arguments)
    {
        fixed (RopeCacheWriteArguments* address = &arguments)
        {
            Functions.Check(Functions.kp_rope_cache_write(Handle, (nint)address), nameof(RopeCacheWrite));
        }
    }
}
