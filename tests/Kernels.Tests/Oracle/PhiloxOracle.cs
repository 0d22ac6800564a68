namespace KServePaged.Kernels.Tests.Oracle;

/// <summary>Philox4x32-10, written from the paper, and the noise that include/kp/sampling.h makes of it.</summary>
internal static class PhiloxOracle
{
    public static (uint, uint, uint, uint) Block((uint, uint, uint, uint) counter, uint k0, uint k1)
    {
        (uint x0, uint x1, uint x2, uint x3) = counter;
        for (int round = 0; round < 10; round++)
        {
            ulong a = 0xD2511F53UL * x0;
            ulong b = 0xCD9E8D57UL * x2;
            (x0, x1, x2, x3) = ((uint)(b >> 32) ^ x1 ^ k0, (uint)b, (uint)(a >> 32) ^ x3 ^ k1, (uint)a);
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }
        return (x0, x1, x2, x3);
    }

    public static double Exponential(ulong seed, ulong position, int id)
    {
        (uint x0, uint x1, uint x2, uint x3) = Block(
            ((uint)((id / 64 * 16) + (id % 16)), 0, (uint)position, (uint)(position >> 32)), (uint)seed, (uint)(seed >> 32));
        uint word = (id / 16 % 4) switch { 0 => x0, 1 => x1, 2 => x2, _ => x3 };
        return -Math.Log((word + 0.5) / 4294967296.0);
    }
}
