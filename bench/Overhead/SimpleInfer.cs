using System.Buffers.Binary;
using System.Text;

namespace KServePaged.Overhead;

/// <summary>One infer request for the test model <c>simple</c>, two INT32 tensors of sixteen elements, in both forms of the protocol.</summary>
internal static class SimpleInfer
{
    private const int Elements = 16;

    public static byte[] Json()
    {
        string tensor(string name) => $$"""{"name":"{{name}}","shape":[1,{{Elements}}],"datatype":"INT32","data":[{{string.Join(',', Enumerable.Range(0, Elements))}}]}""";
        return Encoding.UTF8.GetBytes($$"""{"id":"1","inputs":[{{tensor("INPUT0")}},{{tensor("INPUT1")}}]}""");
    }

    /// <summary>A ModelInferRequest in gRPC's frame, written from the protocol's field numbers.</summary>
    public static byte[] Grpc()
    {
        byte[] raw = new byte[Elements * sizeof(int)];
        for (int i = 0; i < Elements; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(raw.AsSpan(i * sizeof(int)), i);
        }
        byte[] message =
        [
            .. Field(1, Encoding.UTF8.GetBytes("simple")), .. Field(3, "1"u8.ToArray()),
            .. Field(5, Tensor("INPUT0")), .. Field(5, Tensor("INPUT1")), .. Field(7, raw), .. Field(7, raw),
        ];
        byte[] frame = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    private static byte[] Tensor(string name) => [.. Field(1, Encoding.UTF8.GetBytes(name)), .. Field(2, "INT32"u8.ToArray()), .. Field(3, [1, Elements])];

    // A length-delimited field; everything here is shorter than 128 bytes.
    private static byte[] Field(int number, byte[] bytes) => [(byte)((number << 3) | 2), (byte)bytes.Length, .. bytes];
}
