using System.Buffers.Binary;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Tests.Weights;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Open_WhenValid_GivesTensorsAndTheirBytes()
    {
        byte[] file = new SafetensorsWriter()
            .Add("a", [2, 2], [1f, 2f, 3f, 4f])
            .Add("odd", "U8", [3], [7, 8, 9])
            .Add("b", "BF16", [1], [0x80, 0x3F])
            .Add("empty", "F16", [0, 5], [])
            .ToBytes();

        using SafetensorsFile opened = SafetensorsFile.Open(_directory.Write("m.safetensors", file));

        Assert.Equal(["a", "b", "empty", "odd"], opened.Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal));
        StoredTensor b = opened.Tensors.Single(tensor => tensor.Name == "b");
        Assert.Equal(StoredType.BF16, b.Type);
        using MappedRange range = b.Map(0, 2);
        Assert.Equal([0x80, 0x3F], range.Span.ToArray());
        using MappedRange tail = opened.Tensors.Single(tensor => tensor.Name == "a").Map(12, 4);
        Assert.Equal(4f, BinaryPrimitives.ReadSingleLittleEndian(tail.Span));
        using MappedRange nothing = opened.Tensors.Single(tensor => tensor.Name == "empty").Map(0, 0);
        Assert.Equal(0, nothing.Span.Length);
    }

    [Fact]
    public void Map_WhenRangeLeavesTheTensor_Throws()
    {
        using SafetensorsFile opened = SafetensorsFile.Open(_directory.Write("m.safetensors", new SafetensorsWriter().AddZeros("a", 4).AddZeros("b", 4).ToBytes()));
        StoredTensor a = opened.Tensors[0];

        Assert.Throws<ArgumentOutOfRangeException>(() => a.Map(8, 9));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.Map(-1, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.Map(long.MaxValue, 4));
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 7, "range")] // beyond the file
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "end at data byte 8")] // trailing bytes
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "needs 12")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "range")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "whole numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""", 8, "whole numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}""", 8, "too large")]
    [InlineData("""{"a":{"dtype":"F32","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,8]}}""", 8, "too large")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}""", 8, "at most 16")]
    [InlineData("""{"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}""", 8, "unknown dtype \"F31\"")]
    [InlineData("""{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}""", 1, "needs 1.5")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}""", 8, "range")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", 8, "needs dtype, shape and data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}}""", 8, "two fields \"shape\"")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1}}""", 8, "unknown field \"more\"")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "\"a\" appears twice")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""", 6, "\"b\" starts at data byte 2")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", 12, "\"b\" starts at data byte 8")]
    [InlineData("""[]""", 0, "not described")]
    [InlineData("""{"a":5}""", 0, "not described")]
    [InlineData("""{"a":{"dtype":{"x":[[[[[[[[[]]]]]]]]]}}}""", 0, "not described")]
    [InlineData("""{"a":{"dtype":"F32","shape":[[[[[[[[[[1]]]]]]]]]]}}""", 0, "whole numbers")]
    [InlineData("""{"__metadata__":[[[[[[[[[1]]]]]]]]]}""", 0, "not valid JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} x""", 8, "not valid JSON")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "not valid JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_off""", 8, "not valid JSON")]
    public void Open_WhenHeaderLies_RefusesNamingFileAndFault(string header, int dataBytes, string expected)
    {
        string path = _directory.Write("lying.safetensors", SafetensorsWriter.Compose(header, new byte[dataBytes]));

        var exception = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path));

        Assert.Contains(path, exception.Message);
        Assert.Contains(expected, exception.Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(40)]
    public void Open_WhenTruncated_Refuses(int bytes)
    {
        byte[] file = new SafetensorsWriter().AddZeros("a", 4).ToBytes();
        string path = _directory.Write("cut.safetensors", file[..bytes]);

        Assert.Contains("truncated", Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path)).Message);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(100_000_001UL)]
    [InlineData(1UL << 63)]
    public void Open_WhenHeaderLengthIsAbsurd_RefusesBeforeReadingIt(ulong length)
    {
        byte[] file = new SafetensorsWriter().AddZeros("a", 4).ToBytes();
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        string path = _directory.Write("absurd.safetensors", file);

        Assert.Contains($"{length}", Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path)).Message);
    }
}
