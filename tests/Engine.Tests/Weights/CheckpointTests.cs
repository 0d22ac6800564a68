using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Tests.Weights;

public sealed class CheckpointTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Open_WhenSharded_GivesTheTensorsOfAllShards()
    {
        _directory.Write("s1.safetensors", new SafetensorsWriter().AddZeros("a", 2).AddZeros("both", 1).ToBytes());
        _directory.Write("s2.safetensors", new SafetensorsWriter().AddZeros("both", 3).AddZeros("unlisted", 4).ToBytes());
        _directory.Write("model.safetensors.index.json", """{"metadata":{},"weight_map":{"a":"s1.safetensors","both":"s2.safetensors"}}""");

        using Checkpoint checkpoint = Checkpoint.Open(_directory.Path);

        Assert.Equal(["a", "both", "unlisted"], checkpoint.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.Equal([3], checkpoint.Tensors["both"].Shape);
    }

    [Fact]
    public void Open_WhenSingleFileAndIndexExist_TakesTheSingleFile()
    {
        _directory.Write("model.safetensors", new SafetensorsWriter().AddZeros("a", 2).ToBytes());
        _directory.Write("model.safetensors.index.json", """{"weight_map":{"b":"missing.safetensors"}}""");

        using Checkpoint checkpoint = Checkpoint.Open(_directory.Path);

        Assert.Equal(["a"], checkpoint.Tensors.Keys);
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":"gone.safetensors"}}""", "gone.safetensors, which is not in the directory")]
    [InlineData("""{"weight_map":{"b":"s1.safetensors"}}""", "\"b\" into s1.safetensors, which does not hold it")]
    [InlineData("""{"weight_map":{"a":"../s1.safetensors"}}""", "file in the same directory")]
    [InlineData("""{"weight_map":{"a":"/etc/passwd"}}""", "file in the same directory")]
    [InlineData("""{"weight_map":{"a":"sub/s1.safetensors"}}""", "file in the same directory")]
    [InlineData("""{"weight_map":{"a":".."}}""", "file in the same directory")]
    [InlineData("""{"weight_map":{"a":""}}""", "file in the same directory")]
    [InlineData("""{"weight_map":{"a":5}}""", "file in the same directory")]
    [InlineData("""{"weight_map":{"a":"s1.safetensors","a":"s1.safetensors"}}""", "appears twice")]
    [InlineData("""{"weight_map":{}}""", "empty")]
    [InlineData("""{"weight_map":[]}""", "no object \"weight_map\"")]
    [InlineData("""{}""", "no object \"weight_map\"")]
    [InlineData("""{"weight_map":{"a":"s1.safe""", "not valid JSON")]
    [InlineData("""{"weight_map":{"a":"\ud800"}}""", "not valid JSON")]
    public void Open_WhenIndexIsBroken_RefusesNamingIt(string index, string expected)
    {
        _directory.Write("s1.safetensors", new SafetensorsWriter().AddZeros("a", 2).ToBytes());
        string path = _directory.Write("model.safetensors.index.json", index);

        var exception = Assert.Throws<InvalidDataException>(() => Checkpoint.Open(_directory.Path));

        Assert.Contains(path, exception.Message);
        Assert.Contains(expected, exception.Message);
    }

    [Fact]
    public void Open_WhenThereAreNoSafetensors_SaysWhatIsThere()
    {
        _directory.Write("pytorch_model.bin", [1]);

        Assert.Contains("pytorch_model.bin", Assert.Throws<InvalidDataException>(() => Checkpoint.Open(_directory.Path)).Message);
    }
}
