using KServePaged.Engine.Kernels;
using KServePaged.Engine.Weights;
using KServePaged.Engine.Weights.Formats;

namespace KServePaged.Engine.Tests.Weights;

public sealed class ManifestCheckTests : IDisposable
{
    private static readonly WeightManifest Manifest = new()
    {
        Linears = [new LinearSpec(4, new LinearPart("q", 6, HasBias: true), new LinearPart("k", 2)), new LinearSpec(4, new LinearPart("table", 8))],
        Vectors = [new VectorSpec("norm.weight", 4)],
        Tables = [new TableSpec("table.weight", 8, 4)],
        Copies = new Dictionary<string, string> { ["head.weight"] = "table.weight" },
        DerivedSuffixes = [".inv_freq"],
    };

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Compare_WhenEverythingFits_Passes()
    {
        Compare(Complete().AddZeros("layer.0.inv_freq", 3));
    }

    [Fact]
    public void Compare_WhenATensorIsUsedByNothing_NamesIt()
    {
        Assert.Contains("used by nothing: stray.weight.", Refusal(Complete().AddZeros("stray.weight", 3)));
    }

    [Fact]
    public void Compare_WhenTensorsAreMissing_NamesThem()
    {
        string message = Refusal(new SafetensorsWriter().AddZeros("q.weight", 6, 4).AddZeros("k.weight", 2, 4).AddZeros("table.weight", 8, 4));

        Assert.Contains("Missing: q.bias, norm.weight.", message);
        Assert.Contains(_directory.Path, message);
    }

    [Fact]
    public void Compare_WhenShapeDiffers_NamesBothShapes()
    {
        string message = Refusal(new SafetensorsWriter().AddZeros("q.weight", 6, 4).AddZeros("q.bias", 6).AddZeros("k.weight", 4, 2)
            .AddZeros("norm.weight", 4).AddZeros("table.weight", 8, 4));

        Assert.Contains("k.weight has shape [4, 2], needed is [2, 4]", message);
    }

    [Fact]
    public void Compare_WhenStoredTypeIsNoPlainWeight_NamesIt()
    {
        string message = Refusal(new SafetensorsWriter().AddZeros("q.weight", 6, 4).AddZeros("q.bias", 6)
            .Add("k.weight", "I8", [2, 4], new byte[8]).AddZeros("norm.weight", 4).AddZeros("table.weight", 8, 4));

        Assert.Contains("k.weight is stored as I8", message);
    }

    [Fact]
    public void Compare_WhenATiedHeadIsStoredAgain_AcceptsTheSameBytesOnly()
    {
        Compare(Complete().AddZeros("head.weight", 8, 4));

        float[] other = new float[32];
        other[31] = 1;
        Assert.Contains("used by nothing: head.weight", Refusal(Complete().Add("head.weight", [8, 4], other)));
    }

    [Fact]
    public void Bytes_CountsEachKindInItsType()
    {
        // Its panels are eight features wide, so that nothing is padded.
        using Device device = Device.Open(KernelLibrary.Open("cpu"), threads: 1, Isa.Scalar);
        Assert.Equal((8 * 4 + 8 * 4 + 8 * 4) * 2 + (4 + 8) * 4, Manifest.Bytes(device, LinearFormat.Plain(ElementType.BFloat16)));
    }

    private static SafetensorsWriter Complete() => new SafetensorsWriter().AddZeros("q.weight", 6, 4).AddZeros("q.bias", 6)
        .AddZeros("k.weight", 2, 4).AddZeros("norm.weight", 4).AddZeros("table.weight", 8, 4);

    private string Refusal(SafetensorsWriter file) => Assert.Throws<InvalidDataException>(() => Compare(file)).Message;

    private void Compare(SafetensorsWriter file)
    {
        _directory.Write("model.safetensors", file.ToBytes());
        using Checkpoint checkpoint = Checkpoint.Open(_directory.Path);
        ManifestCheck.Compare(checkpoint, Manifest, ManifestCheck.NeedsOf(Manifest, WeightFormats.Choose(null)));
    }
}
