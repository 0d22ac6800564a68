using System.Buffers.Binary;
using KServePaged.Engine.KvCache;

namespace KServePaged.Engine.Tests.KvCache;

public sealed class SipHash128Tests
{
    // The authors' published vectors: key 00 01 … 0f, message 00 01 … of the given length.
    [Theory]
    [InlineData(0, "a3817f04ba25a8e66df67214c7550293")]
    [InlineData(1, "da87c1d86b99af44347659119b22fc45")]
    [InlineData(2, "8177228da4a45dc7fca38bdef60affe4")]
    [InlineData(3, "9c70b60c5267a94e5f33b6b02985ed51")]
    [InlineData(7, "a1f1ebbed8dbc153c0b84aa61ff08239")]
    [InlineData(8, "3b62a9ba6258f5610f83e264f31497b4")]
    [InlineData(15, "5493e99933b0a8117e08ec0f97cfc3d9")]
    public void Hash_OfThePublishedMessages_GivesThePublishedValues(int length, string expected)
    {
        UInt128 key = BinaryPrimitives.ReadUInt128LittleEndian(Bytes(16));
        byte[] hash = new byte[16];
        BinaryPrimitives.WriteUInt128LittleEndian(hash, SipHash128.Hash(key, Bytes(length)));
        Assert.Equal(expected, Convert.ToHexStringLower(hash));
    }

    private static byte[] Bytes(int count) => [.. Enumerable.Range(0, count).Select(i => (byte)i)];
}
