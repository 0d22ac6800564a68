using System.Text.Json;
using KServePaged.Engine.Tokenization.PostProcessors;
using KServePaged.Engine.Tokenization.Reading;

namespace KServePaged.Engine.Tests.Tokenization.PostProcessors;

public sealed class PostProcessorTests
{
    private const string Template =
        """
        {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"B","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
         "pair":[{"SpecialToken":{"id":"B","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"B","type_id":1}},{"Sequence":{"id":"B","type_id":1}}],
         "special_tokens":{"B":{"id":"B","ids":[7,8],"tokens":["x","y"]}}}
        """;

    private const string Bert = """{"type":"BertProcessing","sep":["s",2],"cls":["c",1]}""";
    private const string Roberta = """{"type":"RobertaProcessing","sep":["s",2],"cls":["c",1],"trim_offsets":true,"add_prefix_space":false}""";
    private const string ByteLevel = """{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false}""";

    [Theory]
    [InlineData(Template, new[] { 7, 8, 100, 101 }, new[] { 7, 8, 100, 101, 7, 8, 200 }, new[] { 100, 101, 200 })]
    [InlineData(Bert, new[] { 1, 100, 101, 2 }, new[] { 1, 100, 101, 2, 200, 2 }, new[] { 100, 101, 200 })]
    [InlineData(Roberta, new[] { 1, 100, 101, 2 }, new[] { 1, 100, 101, 2, 2, 200, 2 }, new[] { 100, 101, 200 })]
    [InlineData(ByteLevel, new[] { 100, 101 }, new[] { 100, 101, 200 }, new[] { 100, 101, 200 })]
    [InlineData($$"""{"type":"Sequence","processors":[{{ByteLevel}},{{Bert}}]}""", new[] { 1, 100, 101, 2 }, new[] { 1, 100, 101, 2, 200, 2 }, new[] { 100, 101, 200 })]
    public void Apply_PutsTheTokensWhereTheTemplateSays(string json, int[] single, int[] pair, int[] plainPair)
    {
        PostProcessor processor = Read(json);
        Assert.Equal(single, processor.Apply([100, 101], null, addSpecialTokens: true));
        Assert.Equal([100, 101], processor.Apply([100, 101], null, addSpecialTokens: false));
        Assert.Equal(pair, processor.Apply([100, 101], [200], addSpecialTokens: true));
        Assert.Equal(plainPair, processor.Apply([100, 101], [200], addSpecialTokens: false));
    }

    [Fact]
    public void Read_WhenTwoStepsAddTokens_Refuses() =>
        Assert.Contains("processors[1]", Assert.Throws<InvalidDataException>(() => Read($$"""{"type":"Sequence","processors":[{{Bert}},{{Template}}]}""")).Message);

    private static PostProcessor Read(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return PostProcessorReader.Read(new JsonNode(document.RootElement, "test.json", "post_processor"));
    }
}
