using KServePaged.Engine.Kernels;
using KServePaged.Engine.Weights;
using KServePaged.Engine.Weights.Formats;

namespace KServePaged.Engine.Tests.Weights;

public sealed class WeightLoaderTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Device _device = Device.Open(KernelLibrary.Open("cpu"), threads: 2);
    private readonly DeviceStream _stream;
    private readonly List<IDisposable> _owned = [];

    public WeightLoaderTests() => _stream = _device.OpenStream();

    public void Dispose()
    {
        _owned.ForEach(item => item.Dispose());
        _stream.Dispose();
        _device.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.BFloat16)]
    [InlineData(ElementType.Float16)]
    public void Table_WhenLargerThanAPiece_HoldsEveryRowInItsType(object type)
    {
        const int Rows = 5003;
        const int Columns = 500;
        float[] values = Values(Rows * Columns);
        using Checkpoint checkpoint = Write(new SafetensorsWriter().Add("t", [Rows, Columns], values));

        TableWeight table = Loader(checkpoint, (ElementType)type).Table(new TableSpec("t", Rows, Columns));

        byte[] expected = new byte[values.Length * ((ElementType)type).Bytes()];
        ElementConversion.FromSingle(values, (ElementType)type, expected);
        byte[] actual = new byte[expected.Length];
        _stream.ReadAndSynchronize<byte>(table.Buffer.Address, actual);
        Assert.Equal(type, table.Type);
        Assert.True(expected.AsSpan().SequenceEqual(actual));
    }

    [Fact]
    public void Linear_WhenFused_HoldsItsPartsInOrderAndZeroForMissingBiases()
    {
        const int In = 3001;
        float[] first = Values(700 * In);
        float[] second = Values(5 * In);
        float[] bias = Values(5);
        using Checkpoint checkpoint = Write(
            new SafetensorsWriter().Add("q.weight", [700, In], first).Add("k.weight", [5, In], second).Add("k.bias", [5], bias));

        LinearWeight linear = Loader(checkpoint, ElementType.Float32).Linear(
            new LinearSpec(In, new LinearPart("q", 700), new LinearPart("k", 5, HasBias: true)));

        foreach (int column in new[] { 0, 1, 1500, In - 1 })
        {
            float[] expected = [.. Enumerable.Range(0, 705).Select(row => row < 700 ? first[(row * In) + column] : second[((row - 700) * In) + column] + bias[row - 700])];
            Assert.Equal(expected, Column(linear, column));
        }
    }

    [Theory]
    [InlineData(1f, 0x3F80)]
    [InlineData(1.00390625f, 0x3F80)] // half way to the next: to the even one
    [InlineData(1.01171875f, 0x3F82)]
    [InlineData(3.4e38f, 0x7F80)]
    [InlineData(-0f, 0x8000)]
    [InlineData(float.NegativeInfinity, 0xFF80)]
    [InlineData(float.NaN, 0xFFC0)]
    public void FromSingle_RoundsBFloat16ToNearestEven(float value, int expected)
    {
        byte[] bytes = new byte[2];
        ElementConversion.FromSingle([value], ElementType.BFloat16, bytes);

        Assert.Equal(expected, BitConverter.ToUInt16(bytes));
    }

    private float[] Column(LinearWeight linear, int column)
    {
        float[] input = new float[linear.Matrix.InFeatures];
        input[column] = 1;
        DeviceBuffer x = Own(_device.Allocate(input.Length * sizeof(float)));
        DeviceBuffer y = Own(_device.Allocate(linear.Matrix.OutFeatures * sizeof(float)));
        _stream.Write<float>(x.Address, input);
        _stream.Linear(linear.Matrix, new LinearArguments
        {
            X = x.Address,
            XType = ElementType.Float32,
            XStride = input.Length,
            Rows = 1,
            Bias = linear.Bias?.Address ?? 0,
            Y = y.Address,
            YStride = linear.Matrix.OutFeatures,
        });
        float[] output = new float[linear.Matrix.OutFeatures];
        _stream.ReadAndSynchronize<float>(y.Address, output);
        return output;
    }

    private DeviceBuffer Own(DeviceBuffer buffer)
    {
        _owned.Add(buffer);
        return buffer;
    }

    private WeightLoader Loader(Checkpoint checkpoint, ElementType type) =>
        new(checkpoint, WeightFormats.Choose(null), LinearFormat.Plain(type), _stream, _owned, progress: null, CancellationToken.None);

    private Checkpoint Write(SafetensorsWriter file)
    {
        _directory.Write("model.safetensors", file.ToBytes());
        return Checkpoint.Open(_directory.Path);
    }

    private static float[] Values(int count)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() * 2) - 1))];
    }
}
