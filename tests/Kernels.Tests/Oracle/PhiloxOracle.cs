namespace KServePaged.Kernels.Tests.Oracle;

/// <summary>Philox4x32-10, written from the paper, and the noise that include/kp/sampling.h makes of it.</summary>
internal static class PhiloxOracle
{
    public static uint[] Block(uint[] counter, uint[] key)
    {
        uint[] x = [.. counter];
        (uint k0, uint k1) = (key[0], key[1]);
        for (int round = 0; round < 10; round++)
        {
            ulong a = 0xD2511F53UL * x[0];
            ulong b = 0xCD9E8D57UL * x[2];
            x = [(uint)(b >> 32) ^ x[1] ^ k0, (uint)b, (uint)(a >> 32) ^ x[3] ^ k1, (uint)a];
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }
        return x;
    }

    public static double Exponential(ulong seed, ulong position, int id)
    {
        uint[] words = Block(
            [(uint)((id / 64 * 16) + (id % 16)), 0, (uint)position, (uint)(position >> 32)],
            [(uint)seed, (uint)(seed >> 32)]);
        return -Math.Log((words[id / 16 % 4] + 0.5) / 4294967296.0);
    }
}
