using System.Buffers.Binary;
using System.Numerics;

namespace KServePaged.Engine.KvCache;

/// <summary>
/// SipHash-2-4 with a 128-bit result: a keyed hash whose values nobody can predict or steer without the key, at about a nanosecond a byte.
/// Managed, so that the engine needs no cryptographic library on the machine.
/// </summary>
internal static class SipHash128
{
    public static UInt128 Hash(UInt128 key, ReadOnlySpan<byte> data)
    {
        ulong k0 = (ulong)key;
        ulong k1 = (ulong)(key >> 64);
        var state = new State
        {
            V0 = k0 ^ 0x736f6d6570736575,
            V1 = k1 ^ 0x646f72616e646f6d ^ 0xee,
            V2 = k0 ^ 0x6c7967656e657261,
            V3 = k1 ^ 0x7465646279746573,
        };
        ReadOnlySpan<byte> rest = data;
        for (; rest.Length >= 8; rest = rest[8..])
        {
            state.Absorb(BinaryPrimitives.ReadUInt64LittleEndian(rest));
        }
        ulong last = (ulong)data.Length << 56;
        for (int i = 0; i < rest.Length; i++)
        {
            last |= (ulong)rest[i] << (8 * i);
        }
        state.Absorb(last);
        state.V2 ^= 0xee;
        ulong low = state.Squeeze();
        state.V1 ^= 0xdd;
        return new UInt128(upper: state.Squeeze(), lower: low);
    }

    private struct State
    {
        public ulong V0;
        public ulong V1;
        public ulong V2;
        public ulong V3;

        public void Absorb(ulong word)
        {
            V3 ^= word;
            Round();
            Round();
            V0 ^= word;
        }

        public ulong Squeeze()
        {
            Round();
            Round();
            Round();
            Round();
            return V0 ^ V1 ^ V2 ^ V3;
        }

        private void Round()
        {
            V0 += V1;
            V1 = BitOperations.RotateLeft(V1, 13) ^ V0;
            V0 = BitOperations.RotateLeft(V0, 32);
            V2 += V3;
            V3 = BitOperations.RotateLeft(V3, 16) ^ V2;
            V0 += V3;
            V3 = BitOperations.RotateLeft(V3, 21) ^ V0;
            V2 += V1;
            V1 = BitOperations.RotateLeft(V1, 17) ^ V2;
            V2 = BitOperations.RotateLeft(V2, 32);
        }
    }
}
