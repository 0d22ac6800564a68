using KServePaged.Predictor.Storage;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Storage;

/// <summary>The ordinary ways: what is fetched from where, what is kept, what a second start does.</summary>
public sealed class HubDownloadTests : HubDownloadFixture
{
    [Fact]
    public async Task Run_BringsWhatServingNeedsInTheLayoutOfTheCache()
    {
        foreach (string name in (string[])["pytorch_model.bin", "model.gguf", "onnx/model.onnx", "consolidated.safetensors", "original/params.json", "model.safetensors.index.json"])
        {
            Hub.Files[name] = HubUnderTest.Bytes(100, 2);
        }
        Hub.Files["additional_chat_templates/tool_use.jinja"] = "{{ x }}"u8.ToArray();
        string snapshot = await RunAsync();

        Assert.Equal(Path.Combine(Cache, "models--acme--tiny", "snapshots", HubUnderTest.Commit), snapshot);
        AssertWhole(snapshot);
        Assert.Equal(
            ["additional_chat_templates/tool_use.jinja", "config.json", "model.safetensors", "tokenizer.json"],
            Directory.EnumerateFiles(snapshot, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(snapshot, file)).Order(StringComparer.Ordinal));
        Assert.Equal(HubUnderTest.Commit, File.ReadAllText(Path.Combine(Cache, "models--acme--tiny", "refs", "main")));
        Assert.Equal("../../blobs/" + HubUnderTest.Sha256(Hub.Files["model.safetensors"]), new FileInfo(Path.Combine(snapshot, "model.safetensors")).LinkTarget);
        Assert.Equal("../../../blobs/" + HubUnderTest.GitSha1("{{ x }}"u8.ToArray()), new FileInfo(Path.Combine(snapshot, "additional_chat_templates/tool_use.jinja")).LinkTarget);
        Assert.Equal("cdn GET /model.safetensors?signed=1", Assert.Single(Hub.Contents));
    }

    [Fact]
    public async Task Run_ASecondTime_AsksForTheListAlone()
    {
        await RunAsync();
        Hub.Requests.Clear();
        AssertWhole(await RunAsync());
        Assert.Equal($"hub GET /api/models/{HubUnderTest.Id}/revision/main", Assert.Single(Hub.Requests));
    }

    [Fact]
    public async Task Run_AtACommitThatIsHere_AsksForNothing()
    {
        await RunAsync(revision: HubUnderTest.Commit);
        Assert.False(Directory.Exists(Path.Combine(Cache, "models--acme--tiny", "refs")));
        Hub.Requests.Clear();
        AssertWhole(await RunAsync(revision: HubUnderTest.Commit));
        Assert.Empty(Hub.Requests);
    }

    [Fact]
    public async Task Run_AtABranchWithSlashes_EscapesAndRemembersIt()
    {
        AssertWhole(await RunAsync(revision: "refs/pr/1"));
        Assert.Contains(Hub.Requests, request => request == $"hub GET /api/models/{HubUnderTest.Id}/revision/refs%2Fpr%2F1");
        Assert.Equal(HubUnderTest.Commit, File.ReadAllText(Path.Combine(Cache, "models--acme--tiny", "refs/refs/pr/1")));
    }

    [Fact]
    public async Task Run_WithShards_BringsThoseOfTheIndex()
    {
        Hub.Files.Remove("model.safetensors");
        Hub.Files["model-00001-of-00002.safetensors"] = HubUnderTest.Bytes(3000, 3);
        Hub.Files["model-00002-of-00002.safetensors"] = HubUnderTest.Bytes(4000, 4);
        Hub.Files["consolidated.safetensors"] = HubUnderTest.Bytes(7000, 5);
        Hub.Files["model.safetensors.index.json"] =
            """{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors","c":"model-00001-of-00002.safetensors"}}"""u8.ToArray();
        string snapshot = await RunAsync();
        Assert.Equal(Hub.Files["model-00002-of-00002.safetensors"], File.ReadAllBytes(Path.Combine(snapshot, "model-00002-of-00002.safetensors")));
        Assert.Equal(
            ["cdn GET /model-00001-of-00002.safetensors?signed=1", "cdn GET /model-00002-of-00002.safetensors?signed=1"], Hub.Contents.Order(StringComparer.Ordinal));
        AssertFinalProgress(7000 + new[] { "config.json", "tokenizer.json", "model.safetensors.index.json" }.Sum(name => Hub.Files[name].Length));
    }

    [Fact]
    public async Task Run_Progress_RisesToTheTotal()
    {
        await RunAsync();
        AssertFinalProgress(new[] { "config.json", "tokenizer.json", "model.safetensors" }.Sum(name => Hub.Files[name].Length));
    }

    [Fact]
    public async Task Run_TheToken_GoesToTheEndpointAloneAndIsNotLogged()
    {
        string file = Path.Combine(Cache, "token");
        await File.WriteAllTextAsync(file, " hf_secret\n", TestContext.Current.CancellationToken);
        Hub.CutAfter = 4000;
        await RunAsync(Options with { TokenPath = file });
        Assert.All(Hub.Requests, request => Assert.Equal(request.StartsWith("hub", StringComparison.Ordinal), request.EndsWith(" Bearer hf_secret", StringComparison.Ordinal)));
        Assert.DoesNotContain(Hub.Contents, request => request.Contains("hf_secret", StringComparison.Ordinal));
        Assert.NotEmpty(Log.Messages);
        Assert.DoesNotContain(Log.Messages, message => message.Contains("hf_secret", StringComparison.Ordinal) || message.Contains("signed=1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Run_FromAMirrorBelowAPath_GoesThere()
    {
        Hub.Prefix = "/artifactory/hf";
        AssertWhole(await RunAsync());
        Assert.All(Hub.Requests.Where(request => request.StartsWith("hub", StringComparison.Ordinal)), request => Assert.Contains(" /artifactory/hf/", request, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Run_WhenSmallFilesComeByARelativeRedirect_FollowsIt()
    {
        Hub.Intercept = (context, _) =>
        {
            bool redirects = context.Request.Path.Value!.EndsWith("/config.json", StringComparison.Ordinal) && !context.Request.Query.ContainsKey("again");
            if (redirects)
            {
                context.Response.StatusCode = 307;
                context.Response.Headers.Location = context.Request.Path + "?again=1";
            }
            return Task.FromResult(redirects);
        };
        AssertWhole(await RunAsync());
    }

    /// <summary>Mirrors: one keeps files by SHA-1 of the content, another has tags of its own.</summary>
    [Fact]
    public async Task Run_WithEtagsOfAnotherKind_ChecksWhatCanBeChecked()
    {
        Hub.EtagOf = (name, content) => name == "config.json" ? HubUnderTest.Sha1(content) : "../../" + name;
        AssertWhole(await RunAsync());
        Assert.Equal(3, Directory.GetFiles(Blobs).Length); // "../.." names no place outside
        Assert.Contains(Log.Messages, message => message.Contains("tells no checksum of model.safetensors", StringComparison.Ordinal));
        Assert.DoesNotContain(Log.Messages, message => message.Contains("tells no checksum of config.json", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Run_ByTwoAtOnceOnOneCache_FetchesEachFileOnce()
    {
        var together = new TaskCompletionSource();
        int arrived = 0;
        Hub.Intercept = async (context, isHub) =>
        {
            if (isHub && context.Request.Method == "HEAD" && context.Request.Path.Value!.EndsWith(".safetensors", StringComparison.Ordinal))
            {
                if (Interlocked.Increment(ref arrived) == 2)
                {
                    together.SetResult();
                }
                await together.Task; // neither begins before both know that the file is missing
            }
            return false;
        };
        string[] snapshots = await Task.WhenAll(RunAsync(), RunAsync());
        AssertWhole(snapshots[0]);
        Assert.Equal(snapshots[0], snapshots[1]);
        Assert.Single(Hub.Contents);
    }

    [Fact]
    public async Task Run_WhileAnotherHoldsAFile_WaitsAndTakesIt()
    {
        HubUnderTest hub = Hub;
        byte[] content = hub.Files["model.safetensors"];
        var file = new HubFile("model.safetensors", HubUnderTest.Commit, HubUnderTest.Sha256(content), content.Length);
        var cache = new HubCache(Cache, HubUnderTest.Id);
        cache.Prepare(HubUnderTest.Commit);
        IDisposable held = await cache.LockAsync(file, TimeSpan.FromMilliseconds(1), TimeProvider.System, () => Assert.Fail("free"), TestContext.Current.CancellationToken);
        Task<string> run = RunAsync();
        while (!Log.Messages.Any(message => message.Contains("Another process downloads model.safetensors", StringComparison.Ordinal)))
        {
            Assert.False(run.IsCompleted);
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
        await File.WriteAllBytesAsync(cache.BlobOf(file), content, TestContext.Current.CancellationToken);
        held.Dispose();
        AssertWhole(await run);
        Assert.Empty(hub.Contents);
        AssertFinalProgress(new[] { "config.json", "tokenizer.json", "model.safetensors" }.Sum(name => hub.Files[name].Length));
    }

    private void AssertFinalProgress(long total)
    {
        Assert.All(Progress, report => Assert.Equal("download", report.Stage));
        Assert.Equal((total, total), (Progress[^1].BytesDone, Progress[^1].BytesTotal));
        Assert.Equal(Progress.Select(report => report.BytesDone).Order(), Progress.Select(report => report.BytesDone));
    }
}
