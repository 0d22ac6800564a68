using KServePaged.Predictor.Protocols.KServeV1;

namespace KServePaged.Predictor.Tests.Protocols.KServeV1;

public sealed class VerbPathTests
{
    [Theory]
    [InlineData("/v1/models/m:predict", "m", "predict")]
    [InlineData("/v1/models/m:explain", "m", "explain")]
    [InlineData("/v1/models/org/name:predict", "org/name", "predict")]
    [InlineData("/v1/models/llama3:8b:predict", "llama3:8b", "predict")]
    [InlineData("/v1/models/x:predict:predict", "x:predict", "predict")]
    [InlineData("/v1/models/m:predict/", "m", "predict")]
    public void Parse_TakesTheVerbFromTheEnd(string path, string model, string verb) =>
        Assert.Equal(new VerbPath(model, verb), VerbPath.Parse(path));

    [Theory]
    [InlineData("/v1/models/m")]
    [InlineData("/v1/models/llama3:8b")]
    [InlineData("/v1/models/:predict")]
    [InlineData("/v1/models/m:Predict")]
    [InlineData("/v1/models/")]
    [InlineData("/v2/models/m:predict")]
    public void Parse_WhenThereIsNoVerb_IsNull(string path) => Assert.Null(VerbPath.Parse(path));
}
