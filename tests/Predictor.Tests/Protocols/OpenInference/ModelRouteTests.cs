using KServePaged.Predictor.Protocols.OpenInference.Rest;

namespace KServePaged.Predictor.Tests.Protocols.OpenInference;

public sealed class ModelRouteTests
{
    [Theory]
    [InlineData("m", "m", null, "")]
    [InlineData("m/", "m", null, "")]
    [InlineData("m/ready", "m", null, "ready")]
    [InlineData("m/versions/1", "m", "1", "")]
    [InlineData("m/versions/1/infer", "m", "1", "infer")]
    [InlineData("m/config", "m", null, "config")]
    [InlineData("m/versions/1/stats", "m", "1", "stats")]
    [InlineData("org/name/trace/setting", "org/name", null, "trace/setting")]
    [InlineData("trace/setting", "trace/setting", null, "")]
    [InlineData("org/name/infer", "org/name", null, "infer")]
    [InlineData("org%2Fname/infer", "org/name", null, "infer")]
    [InlineData("org/name/versions/2/ready", "org/name", "2", "ready")]
    [InlineData("a%20b/generate_stream", "a b", null, "generate_stream")]
    [InlineData("m/unknown", "m/unknown", null, "")]
    [InlineData("odd/ready", "odd/ready", null, "")]
    [InlineData("odd/ready/ready", "odd/ready", null, "ready")]
    [InlineData("x/versions/9", "x/versions/9", null, "")]
    public void Parse_SplitsFromTheRight(string path, string model, string? version, string action)
    {
        string[] served = ["m", "org/name", "odd/ready", "x/versions/9"];
        Assert.Equal(new ModelRoute(model, version, action), ModelRoute.Parse(path, served.Contains));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    public void Parse_WhenNothingIsLeft_ReturnsNull(string path) => Assert.Null(ModelRoute.Parse(path, _ => false));
}
