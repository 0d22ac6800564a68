using KServePaged.Predictor.Storage;
using KServePaged.Predictor.Tests.Doubles;
using Microsoft.AspNetCore.Http;

namespace KServePaged.Predictor.Tests.Storage;

/// <summary>Networks that break, servers that lie, and what is said when nothing helps.</summary>
public sealed class HubFaultTests : HubDownloadFixture
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1000)]
    [InlineData(10_499)]
    public async Task Cut_AfterEachPiece_GoesOnWhereItEnded(int piece)
    {
        int size = piece == 1 ? 60 : 10_500;
        Hub.Files["model.safetensors"] = HubUnderTest.Bytes(piece == 7 ? 700 : size, 9);
        size = Hub.Files["model.safetensors"].Length;
        Hub.CutAfter = piece;
        AssertWhole(await RunAsync());
        Assert.Equal(Enumerable.Range(0, (size + piece - 1) / piece).Select(i => i == 0 ? "?signed=1" : $"?signed=1 bytes={i * piece}-"), Hub.Contents.Select(request => request["cdn GET /model.safetensors".Length..]));
        Assert.Equal(size, Progress[^1].BytesDone - Hub.Files["config.json"].Length - Hub.Files["tokenizer.json"].Length);
    }

    [Fact]
    public async Task Cut_AndRestartedProcess_GoesOnFromTheDisk()
    {
        Hub.Intercept = (context, isHub) =>
        {
            Hub.CutAfter = Hub.Contents.Count() == 1 ? 4000 : 0; // once a part, then nothing
            return Task.FromResult(false);
        };
        Assert.Contains("It was tried 3 times", await RefusalAsync());
        long here = new FileInfo(Assert.Single(Directory.GetFiles(Blobs, "*.incomplete"))).Length;
        Assert.Equal(4000, here);

        Hub.Intercept = (_, _) => Task.FromResult(false);
        Hub.CutAfter = null;
        Hub.Requests.Clear();
        Progress.Clear();
        AssertWhole(await RunAsync());
        Assert.Equal("cdn GET /model.safetensors?signed=1 bytes=4000-", Assert.Single(Hub.Contents));
        Assert.Equal((4000, 10_500), (Progress.First(report => report.BytesTotal > 0).BytesDone, Progress[^1].BytesDone));
    }

    [Fact]
    public async Task Cut_WhereRangesAreUnknown_BeginsAgain()
    {
        Hub.KnowsRanges = false;
        Hub.Intercept = (_, isHub) =>
        {
            Hub.CutAfter = Hub.Contents.Count() < 2 ? 4000 : null;
            return Task.FromResult(false);
        };
        AssertWhole(await RunAsync());
        Assert.Equal(2, Hub.Contents.Count());
    }

    [Fact]
    public async Task Silence_EndsTheTryAndTheNextGoesOn()
    {
        Hub.Intercept = async (context, isHub) =>
        {
            if (!isHub && Hub.Contents.Count() == 1)
            {
                context.Response.ContentLength = 10_500;
                await context.Response.Body.WriteAsync(Hub.Files["model.safetensors"].AsMemory(0, 500));
                await context.Response.Body.FlushAsync();
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                return true;
            }
            return false;
        };
        AssertWhole(await RunAsync(timing: Timing with { Attempts = 10, IdleTimeout = TimeSpan.FromSeconds(2) }));
        Assert.EndsWith("bytes=500-", Hub.Contents.Last());
    }

    [Fact]
    public async Task Checksum_WhenWrongTwice_IsRefusedAndNothingAppears()
    {
        Hub.Deliver = content => [.. content.Take(5000), (byte)(content[5000] ^ 1), .. content.Skip(5001)];
        Assert.Contains("model.safetensors has arrived twice with another checksum than its own", await RefusalAsync());
        Assert.Equal(2, Hub.Contents.Count());
        Assert.DoesNotContain(HubUnderTest.Sha256(Hub.Files["model.safetensors"]), Directory.GetFiles(Blobs).Select(Path.GetFileName));
        Assert.False(File.Exists(Path.Combine(Cache, "models--acme--tiny", "snapshots", HubUnderTest.Commit, "model.safetensors")));

        Hub.Deliver = content => content;
        AssertWhole(await RunAsync());
    }

    [Fact]
    public async Task Checksum_WhenTheDiskHeldRubbish_BringsTheFileAgain()
    {
        Directory.CreateDirectory(Blobs);
        string part = Path.Combine(Blobs, HubUnderTest.Sha256(Hub.Files["model.safetensors"]) + ".incomplete");
        await File.WriteAllBytesAsync(part, HubUnderTest.Bytes(2000, 77), TestContext.Current.CancellationToken);
        AssertWhole(await RunAsync());
        Assert.Equal(["bytes=2000-", "cdn GET /model.safetensors?signed=1"], Hub.Contents.Select((request, i) => i == 0 ? request.Split(' ')[^1] : request));

        // As many bytes as the file has, or more, and wrong.
        foreach (int length in (int[])[10_500, 20_000])
        {
            Directory.Delete(Path.Combine(Cache, "models--acme--tiny"), recursive: true);
            Directory.CreateDirectory(Blobs);
            await File.WriteAllBytesAsync(part, HubUnderTest.Bytes(length, 78), TestContext.Current.CancellationToken);
            AssertWhole(await RunAsync());
        }
    }

    [Theory]
    [InlineData(9_000)]
    [InlineData(11_000)]
    public async Task Size_WhenTheContentHasAnother_IsRefused(int size)
    {
        Hub.Deliver = content => [.. content.Concat(content).Take(size)];
        Assert.Equal($"127.0.0.1 offers {size} bytes as model.safetensors, which has 10500. It was tried 3 times.", await RefusalAsync());
    }

    [Fact]
    public async Task Size_WhenTheContentNeverEnds_IsRefused()
    {
        Hub.Intercept = async (context, isHub) =>
        {
            while (!isHub && !context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(new byte[4096]);
            }
            return !isHub;
        };
        Assert.Equal("model.safetensors is longer than the 10500 bytes it should have.", await RefusalAsync());
        Assert.DoesNotContain(Directory.GetFiles(Blobs), file => new FileInfo(file).Length > 10_500);
    }

    [Fact]
    public async Task Listing_WhenItNeverEnds_IsRefused()
    {
        Hub.Intercept = async (context, _) =>
        {
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(new byte[1 << 16]);
            }
            return true;
        };
        Assert.Equal("the list of files is longer than 16777216 bytes.", await RefusalAsync());
    }

    [Theory]
    [InlineData("<html>", "no list of files")]
    [InlineData("[]", "no list of files")]
    [InlineData("""{"sha":"../../etc","siblings":[]}""", "a commit that is none")]
    [InlineData("""{"sha":7,"siblings":[]}""", "no list of files")]
    [InlineData("""{"sha":"0123456789abcdef0123456789abcdef01234567","siblings":7}""", "no list of files")]
    [InlineData("""{"sha":"0123456789abcdef0123456789abcdef01234567","siblings":[]}""", "acme/tiny at main has no config.json. It holds: no files.")]
    [InlineData("""{"sha":"0123456789abcdef0123456789abcdef01234567","siblings":[{"rfilename":"config.json"},{"rfilename":"pytorch_model.bin"}]}""", "weights are read from safetensors files. It holds: config.json, pytorch_model.bin.")]
    public async Task Listing_WhenItIsNoModels_IsRefused(string body, string message)
    {
        Hub.Intercept = async (context, _) =>
        {
            await context.Response.WriteAsync(body);
            return true;
        };
        Assert.Contains(message, await RefusalAsync());
        Assert.Single(Hub.Requests);
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":"../x.safetensors"}}""", "names the file '../x.safetensors', which is no name of a safetensors file.")]
    [InlineData("""{"weight_map":{"a":"/etc/x.safetensors"}}""", "which is no name of a safetensors file.")]
    [InlineData("""{"weight_map":{"a":"config.json"}}""", "which is no name of a safetensors file.")]
    [InlineData("""{"weight_map":{"a":"b.safetensors"}}""", "names the file b.safetensors, which the repository does not hold.")]
    [InlineData("""{"weight_map":{"a":7}}""", "is no index of weights")]
    [InlineData("""{"weight_map":7}""", "is no index of weights")]
    [InlineData("[", "is no index of weights")]
    public async Task Index_WhenItNamesNoShards_IsRefused(string index, string message)
    {
        Hub.Files.Remove("model.safetensors");
        Hub.Files["../x.safetensors"] = [1];
        Hub.Files["../../../escaped.json"] = [1];
        Hub.Files["model.safetensors.index.json"] = System.Text.Encoding.UTF8.GetBytes(index);
        Assert.Contains(message, await RefusalAsync());
        Assert.DoesNotContain(Hub.Requests, request => request.Contains("..", StringComparison.Ordinal) || request.Contains("escaped", StringComparison.Ordinal));
    }

    [Fact]
    public async Task TooManyRequests_WaitsAsLongAsTheServerAsks()
    {
        int refusals = 0;
        Hub.Intercept = (context, isHub) =>
        {
            bool refused = context.Request.Path.Value!.Contains("/api/", StringComparison.Ordinal) && ++refusals < 3;
            if (refused)
            {
                context.Response.StatusCode = refusals == 1 ? 429 : 503;
                context.Response.Headers.RetryAfter = refusals == 1 ? "7" : "86400";
            }
            return Task.FromResult(refused);
        };
        var clock = new HastyClock();
        AssertWhole(await RunAsync(clock: clock));
        Assert.Equal([7, 300], clock.Delays.Select(delay => delay.TotalSeconds));
        Assert.Contains(Log.Messages, message => message.Contains("127.0.0.1 answers 429 to the list of files of acme/tiny. The next try is in 7.0 s", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ServerFault_IsTriedWithGrowingWaits()
    {
        Hub.Intercept = (context, _) =>
        {
            context.Response.StatusCode = 500;
            return Task.FromResult(true);
        };
        var clock = new HastyClock();
        HubException e = await Assert.ThrowsAsync<HubException>(() => RunAsync(timing: new HubTiming(), clock: clock));
        Assert.Equal("127.0.0.1 answers 500 to the list of files of acme/tiny. It was tried 6 times.", e.Message);
        Assert.Equal(5, clock.Delays.Count);
        Assert.All(clock.Delays.Index(), delay => Assert.InRange(delay.Item.TotalSeconds, 0.75 * Math.Pow(2, delay.Index), 1.25 * Math.Pow(2, delay.Index)));
    }

    [Theory]
    [InlineData(401, null, false, "has no public model acme/tiny: check --model_id; a private or gated model needs a token in HF_TOKEN.")]
    [InlineData(401, "GatedRepo", false, "acme/tiny is gated: accept its terms at ")]
    [InlineData(403, "GatedRepo", true, "acme/tiny is gated and the account of the token (HF_TOKEN) has no access: ask for it at ")]
    [InlineData(401, null, true, "does not accept the token (HF_TOKEN), or it does not cover acme/tiny (401)")]
    [InlineData(404, "RepoNotFound", true, "has no model acme/tiny that this token (HF_TOKEN) may read")]
    [InlineData(404, "RevisionNotFound", false, "acme/tiny has no revision 'main': check --model_revision.")]
    [InlineData(403, null, true, "The token (HF_TOKEN) may not read acme/tiny (403)")]
    [InlineData(403, null, false, "forbids reading acme/tiny without a token (403): set HF_TOKEN.")]
    [InlineData(418, null, false, "127.0.0.1 answers 418 to the list of files of acme/tiny.")]
    public async Task Refusal_IsOneLineThatSaysWhatToDo(int status, string? code, bool withToken, string message)
    {
        Hub.Intercept = (context, _) =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers["X-Error-Code"] = code;
            return Task.FromResult(true);
        };
        string refusal = await RefusalAsync(withToken ? Options with { Token = "hf_secret" } : Options);
        Assert.Contains(message, refusal, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal);
        Assert.DoesNotContain("hf_secret", refusal, StringComparison.Ordinal);
        Assert.Single(Hub.Requests); // trying again would not help
    }

    /// <summary>A signed address that has expired: the next try asks the Hub for another one.</summary>
    [Fact]
    public async Task Refusal_ByTheOtherHost_IsTriedAgainFromTheEndpoint()
    {
        Hub.Intercept = (context, isHub) =>
        {
            bool expired = !isHub && Hub.Contents.Count() == 1;
            context.Response.StatusCode = expired ? 403 : 200;
            return Task.FromResult(expired);
        };
        AssertWhole(await RunAsync());
        Assert.Equal(2, Hub.Requests.Count(request => request.StartsWith("hub GET", StringComparison.Ordinal) && request.EndsWith("/model.safetensors", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("ftp://127.0.0.1/x", "redirects the list of files from http to ftp, which is not followed.")]
    [InlineData("file:///etc/passwd", "redirects the list of files from http to file, which is not followed.")]
    [InlineData("/again", "redirects more than 8 times for the list of files.")]
    public async Task Redirect_ThatLeadsNowhere_IsRefused(string location, string message)
    {
        Hub.Intercept = (context, _) =>
        {
            context.Response.StatusCode = 302;
            context.Response.Headers.Location = location;
            return Task.FromResult(true);
        };
        Assert.Contains(message, await RefusalAsync());
    }

    [Fact]
    public async Task Offline_ServesWhatIsHereAndAsksNothing()
    {
        Predictor.Configuration.HubOptions offline = Options with { Offline = true };
        Assert.Contains("is not complete in", await RefusalAsync(offline));
        await RunAsync();
        Hub.Requests.Clear();
        AssertWhole(await RunAsync(offline));
        Assert.Contains("at other is not complete", await RefusalAsync(offline, revision: "other"));
        Assert.Empty(Hub.Requests);

        File.Delete(Path.Combine(Cache, "models--acme--tiny", "snapshots", HubUnderTest.Commit, "model.safetensors"));
        Assert.Contains("HF_HUB_OFFLINE forbids", await RefusalAsync(offline));
    }

    [Fact]
    public async Task Endpoint_WhenItIsAway_ServesTheCacheElseSaysWhatToDo()
    {
        Predictor.Configuration.HubOptions options = Options;
        await RunAsync(options);
        await Hub.StopAsync();
        var clock = new HastyClock();
        AssertWhole(await RunAsync(options, timing: new HubTiming(), clock: clock));
        Assert.InRange(Assert.Single(clock.Delays).TotalSeconds, 0.75, 1.25); // soon, since the model is here
        Assert.Contains(Log.Messages, message => message.Contains($"The cached commit {HubUnderTest.Commit} is served instead", StringComparison.Ordinal));

        string refusal = await RefusalAsync(options, revision: "other");
        Assert.StartsWith("127.0.0.1 cannot be reached (", refusal, StringComparison.Ordinal);
        Assert.EndsWith("without a network mount the model and name it with --model_dir, or set HF_ENDPOINT to a mirror. It was tried 3 times.", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Disk_WhenItIsTooSmall_IsRefusedBeforeTheFirstByte()
    {
        Assert.Contains("GB are free: name a larger volume with HF_HOME or --download_dir.", await RefusalAsync(freeBytes: _ => 5000));
        Assert.Empty(Hub.Contents);
        AssertWhole(await RunAsync(freeBytes: _ => 10_500));
    }

    [Fact]
    public async Task Cache_WhenItCannotBeWritten_IsNamed()
    {
        string file = Path.Combine(Cache, "file");
        await File.WriteAllTextAsync(file, "", TestContext.Current.CancellationToken);
        string refusal = await RefusalAsync(Options with { CachePath = Path.Combine(file, "hub") });
        Assert.StartsWith($"The cache of models in {file}/hub cannot be used (", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Token_ThatIsNone_IsRefusedWithoutShowingIt()
    {
        string refusal = await RefusalAsync(Options with { Token = "hf_secret and more" });
        Assert.StartsWith("The token in HF_TOKEN has characters", refusal, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancelled_LeavesWhatCameForTheNextStart()
    {
        using var cancelled = new CancellationTokenSource();
        Hub.Intercept = async (context, isHub) =>
        {
            if (!isHub && Hub.Contents.Count() == 1)
            {
                context.Response.ContentLength = 10_500;
                await context.Response.Body.WriteAsync(Hub.Files["model.safetensors"].AsMemory(0, 3000));
                await context.Response.Body.FlushAsync();
                while (!Directory.GetFiles(Blobs, "*.incomplete").Any(file => new FileInfo(file).Length == 3000))
                {
                    await Task.Delay(5, context.RequestAborted);
                }
                await cancelled.CancelAsync();
                return true;
            }
            return false;
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => RunAsync(cancellationToken: cancelled.Token));
        AssertWhole(await RunAsync());
        Assert.EndsWith("bytes=3000-", Hub.Contents.Last());
    }

    /// <summary>Keeps the waits and lets none pass; locks and timeouts are the system's.</summary>
    private sealed class HastyClock : TimeProvider
    {
        public List<TimeSpan> Delays { get; } = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Delays.Add(dueTime);
            return base.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }
}
