using System.Text;
using System.Text.Json;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Protocols.Recorded;

/// <summary>
/// Every v2 request that was put to KServe's and MLServer's REST servers, put to this one. Those served a model that echoes any tensor, which a
/// language model refuses for want of a prompt: that refusal shows that the tensors themselves were understood.
/// </summary>
public sealed class RestServerReplayTests
{
    private const string NoPrompt = "exactly one of the inputs";

    private static readonly Expectation[] Rules =
    [
        new(404, null, "no such route, model or version",
            "get/v2/docs", "get/v2/models/nosuch/ready", "post /v2/repository/models/nosuch/unload no body", "get/v2/models/echo/versions/abc", "text/unknown model", "text/version 2"),
        new(405, null, "wrong method", "wrong method*", "options infer", "GET load", "get/v2/models/echo/infer"),
        new(503, "still loading", "a model that is loading is neither described nor ready", "get/v2/models/notready"),
        new(503, "not ready", "a model that is loading is neither described nor ready", "get/v2/models/notready/ready"),
        new(400, "shares no memory", "no shared memory", "get/v2/cudasharedmemory/status"),
        new(200, null, "the router of ASP.NET Core takes any case", "get/V2/health/live"),
        new(200, null, "metadata, probes, statistics, settings, index; with a trailing slash, an escape or a query as well", "get/v2/*", "head /v2", "repository index*", "post /v2/repository/index*"),
        new(200, null, "a model that is served is loaded already", "post /v2/repository/models/echo/load no body"),
        new(400, "'config' is not supported", "a model is loaded as its directory is", "load with parameters"),

        new(400, "!" + NoPrompt, "an element does not fit its datatype", "infer/dtype FP16", "infer/out of range*", "infer/int from*"),
        new(400, "!" + NoPrompt, "data and shape disagree", "infer/ragged data", "infer/scalar data", "infer/string data", "infer/shape*"),
        new(400, "!" + NoPrompt, "a field is missing or of the wrong type", "infer/missing*", "infer/inputs null", "infer/inputs object", "infer/id number", "infer/outputs missing name"),
        new(400, "!" + NoPrompt, "no such datatype", "infer/datatype TYPE_ prefix"),
        new(400, "!" + NoPrompt, "not JSON, or no body", "infer/float NaN literal", "infer/bytes invalid utf8 in json", "infer/body absent*", "infer/trailing garbage", "infer/nesting*"),
        new(400, "!" + NoPrompt, "parameters are strings, numbers or booleans", "infer/input parameter null", "infer/input parameter list"),
        new(400, null, "parameters are strings, numbers or booleans, but the missing prompt is found first", "infer/request parameter null", "infer/request parameter object"),
        new(400, "!" + NoPrompt, "an input named twice has no meaning", "infer/inputs two same name"),
        new(400, "does not classify", "obeying it would change the answer", "infer/outputs classification"),
        new(400, "!" + NoPrompt, "lengths lie; bytes that no input claims are no one's", "binary/body*", "binary/size string", "binary/header length empty"),
        new(400, NoPrompt, "well formed, and no prompt for a language model", "infer/*", "binary/*", "fails/*", "text/missing input"),

        new(400, "'y' is no input", "an input that the model does not have is a mistake, as Triton says", "text/extra input"),
        new(200, null, "text in, text out", "text/*", "big/3 MB text"),

        new(400, null, "not HTTP, or HTTP that two servers read differently",
            "http/two content-lengths differ", "http/header folded", "http/header name with space", "http/garbage", "http/content-length too short",
            "http/chunked and content-length", "http/bare LF*"),
        new(200, null, "HTTP as it is spoken", "http/*"),
    ];

    [Fact]
    public async Task EveryRequest_IsAnsweredAsTheProtocolMeansIt()
    {
        JsonElement[] records = [.. RecordedTraffic.OfKind("rest").Where(IsV2).DistinctBy(record => RecordedTraffic.Text(record, "case"))];
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { ModelNames = ["echo", "text", "fails", "slow"] });
        await using ServerUnderTest loading = await ServerUnderTest.StartLoadingAsync(
            (_, _, _, cancellation) => Task.Delay(Timeout.Infinite, cancellation).ContinueWith<Engine.ILlmEngine>(_ => new ScriptedEngine(), TaskScheduler.Default),
            options => options with { ModelNames = ["notready"] });
        List<string> faults = [];
        foreach (JsonElement record in records)
        {
            string name = RecordedTraffic.Text(record, "case");
            byte[] request = RecordedTraffic.RawRequest(record);
            ServerUnderTest asked = name.Contains("notready", StringComparison.Ordinal) ? loading : server;
            IReadOnlyList<Http1Answer> answers = await Http1Wire.ExchangeAsync(asked.Address, request, name.Contains("pipelined x3", StringComparison.Ordinal) ? 3 : 1);
            Assert.NotEmpty(answers);
            faults.AddRange(answers.Select(answer => Record.Exception(() => Check(name, request, answer))?.Message).OfType<string>());
        }
        Assert.True(faults.Count == 0, string.Join("\n", faults));
        Assert.InRange(records.Length, 100, 1000);
        Expectation.RequireAllUsed(Rules);
    }

    private static void Check(string name, byte[] request, Http1Answer answer)
    {
        string text = answer.BodyText.Replace("\\u0027", "'", StringComparison.Ordinal);
        Expectation.For(Rules, name).Check(name, answer.Status, text);
        if (answer.Status >= 400)
        {
            // Kestrel refuses what is no HTTP before anything of ours sees it, and without a body.
            Assert.True(
                answer.Body.Length == 0 ? name.StartsWith("http/", StringComparison.Ordinal) : answer.Json.GetProperty("error").ValueKind == JsonValueKind.String,
                $"{name}: {text}");
        }
        else if (Encoding.Latin1.GetString(request).Contains("/infer", StringComparison.Ordinal))
        {
            InferAnswers.Check(name, RequestJson(request), answer);
        }
    }

    private static bool IsV2(JsonElement record) =>
        RecordedTraffic.Text(record, "server").Split('-')[0] is "kserve" or "mlserver"
        && record.GetProperty("request").GetProperty("path").GetString()!.StartsWith("/v2", StringComparison.OrdinalIgnoreCase);

    // From the first brace to the last one: chunk sizes lie outside.
    private static JsonElement RequestJson(byte[] request)
    {
        string text = Encoding.UTF8.GetString(request);
        return JsonDocument.Parse(text[text.IndexOf('{', StringComparison.Ordinal)..(text.LastIndexOf('}') + 1)]).RootElement;
    }
}
