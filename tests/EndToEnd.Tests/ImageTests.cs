using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using KServePaged.TestSupport;

namespace KServePaged.EndToEnd.Tests;

/// <summary>The image that eng/image/build makes: what is in it, and how it runs.</summary>
public sealed partial class ImageTests
{
    private const long LargestBytes = 200_000_000;
    private const long LargestBytesWithoutCuda = 120_000_000;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_WithTheEmbeddedModel_AnswersEveryProtocol()
    {
        await using ServerContainer container = await ServerContainer.StartAsync(mount: null);
        HttpClient http = container.Server.Http;
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/v2/health/ready", Cancel)).StatusCode);
        Assert.Contains("\"model\":\"demo\"", await PostAsync(http, "/v1/chat/completions", """{"messages":[{"role":"user","content":"Hello!"}]}"""));
        Assert.Contains("\"text_output\":", await PostAsync(http, "/v2/models/demo/generate", """{"text_input":"Hello","max_tokens":4}"""));
        Assert.Contains("\"name\":\"text_output\"", await PostAsync(
            http, "/v2/models/demo/infer", """{"inputs":[{"name":"text_input","datatype":"BYTES","shape":[1],"data":["Hello"]}]}"""));
        Assert.Contains("vllm:num_requests_running", await http.GetStringAsync("/metrics", Cancel));
        Assert.NotEmpty(await ThirdPartyClient.RunPythonGrpcAsync("oip_grpc.py", http.BaseAddress!.Authority, "demo", Path.Combine(Repository.Root, "protos")));
    }

    [Fact]
    public async Task Run_AsSomeUserWithNothingAllowed_HasNoWayToWriteOrGainPrivileges()
    {
        await using ServerContainer container = await ServerContainer.StartAsync(mount: null);
        Assert.Equal(0UL, ulong.Parse(container.Status("CapEff"), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        Assert.Equal("1", container.Status("NoNewPrivs"));
        Assert.Equal(container.User.ToString(CultureInfo.InvariantCulture), container.Status("Uid").Split('\t')[0]);
        string root = File.ReadLines($"/proc/{container.ProcessId}/mountinfo").First(line => line.Split(' ')[4] == "/");
        Assert.Contains("ro", root.Split(' ')[5].Split(','));
        Assert.NotEqual(0, (await container.ExecuteAsync("/bin/sh", "-c", "true")).ExitCode);
        Assert.Equal((0, "", ""), await container.ExecuteAsync("/app/kservepaged", "drain", "1"));
    }

    [Fact]
    public async Task Run_WithAMountedModelAndAFullCache_StaysBelowItsLimitAndLosesNoStreamAtSigterm()
    {
        await using ServerContainer container = await ServerContainer.StartAsync(DemoCorpus.ModelPath, "--model_dir=/mnt/models", "--model_name=mounted");
        HttpClient http = container.Server.Http;
        long slots = await FillCacheAsync(http, container.Server.Log);
        (long limit, long peak) = container.Memory();
        TestContext.Current.TestOutputHelper?.WriteLine($"cache of {slots} tokens full: at most {peak / 1e6:0} of {limit / 1e6:0} MB used");
        Assert.Equal(ServerContainer.MemoryLimit, limit);
        Assert.InRange(peak, 1, limit - (16 << 20));

        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = Json("""{"model":"mounted","prompt":"Once","max_tokens":1500,"ignore_eos":true,"stream":true}"""),
        };
        using HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
        container.Server.Terminate();
        Assert.EndsWith("data: [DONE]\n\n", await response.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(0, await container.Server.WaitForExitAsync());
    }

    [Fact]
    public async Task Files_HoldNoShellNoSetuidAndStayBelowTheLimit()
    {
        await using var root = await ImageRoot.MountAsync();
        FileInfo[] files = [.. new DirectoryInfo(root.Path).EnumerateFiles("*", SearchOption.AllDirectories).Where(file => file.LinkTarget is null)];
        long all = files.Sum(file => file.Length);
        long app = files.Where(file => file.FullName.StartsWith(Path.Combine(root.Path, "app"), StringComparison.Ordinal)).Sum(file => file.Length);
        long cuda = Assert.Single(files, file => file.Name == "libkpkernels_cuda.so").Length;
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{all / 1e6:0.0} MB with the libraries of Debian, {app / 1e6:0.0} MB without; {cuda / 1e6:0.0} MB of them for GPUs");
        Assert.InRange(all, 1, LargestBytes);
        Assert.InRange(all - cuda, 1, LargestBytesWithoutCuda);
        Assert.DoesNotContain(files, file => file.Name is "sh" or "bash" or "dash" or "busybox" or "apt" or "dpkg");
        Assert.DoesNotContain(files, file => (file.UnixFileMode & (UnixFileMode.SetUser | UnixFileMode.SetGroup)) != 0);
        Assert.All(files, file => Assert.True(file.UnixFileMode.HasFlag(UnixFileMode.OtherRead), $"{file.FullName} is not for everybody"));
    }

    [Fact]
    public async Task Sbom_NamesEveryPackageThatIsInside()
    {
        await using var root = await ImageRoot.MountAsync();
        using var sbom = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(root.Path, "sbom.spdx.json"), Cancel));
        Assert.Equal("SPDX-2.3", sbom.RootElement.GetProperty("spdxVersion").GetString());
        Assert.Equal("CC0-1.0", sbom.RootElement.GetProperty("dataLicense").GetString());
        Assert.Equal("SPDXRef-DOCUMENT", sbom.RootElement.GetProperty("SPDXID").GetString());
        Assert.StartsWith("urn:", sbom.RootElement.GetProperty("documentNamespace").GetString());
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", sbom.RootElement.GetProperty("creationInfo").GetProperty("created").GetString());
        JsonElement[] packages = [.. sbom.RootElement.GetProperty("packages").EnumerateArray()];
        string[] ids = [.. packages.Select(package => package.GetProperty("SPDXID").GetString()!)]; // no test survives a null here
        Assert.Equal(ids.Length, ids.Distinct().Count());
        Assert.All(ids, id => Assert.Matches(@"^SPDXRef-[A-Za-z0-9.-]+$", id));
        Assert.All(packages, package => Assert.False(string.IsNullOrEmpty(package.GetProperty("versionInfo").GetString())));
        string?[] names = [.. packages.Select(package => package.GetProperty("name").GetString())];
        Assert.Superset(new HashSet<string?>(["libc6", "libssl3", "Google.Protobuf", "Microsoft.NETCore.App", "Microsoft.AspNetCore.App", "nvidia-cuda-cudart-static"]), new HashSet<string?>(names));
        Assert.All(Directory.EnumerateFiles(Path.Combine(root.Path, "var/lib/dpkg/status.d")), record => Assert.Contains(Path.GetFileName(record), names));
    }

    [Fact]
    public async Task Configuration_HasLabelsAndRunsWithoutRoot()
    {
        using var image = JsonDocument.Parse(await Podman.OutputAsync("image", "inspect", Podman.Image));
        JsonElement config = image.RootElement[0].GetProperty("Config");
        JsonElement labels = config.GetProperty("Labels");
        foreach (string label in (string[])["title", "description", "version", "revision", "base.name"])
        {
            Assert.NotEqual("", labels.GetProperty($"org.opencontainers.image.{label}").GetString());
        }
        Assert.Equal("65532:65532", config.GetProperty("User").GetString());
        Assert.Equal("/app/kservepaged", config.GetProperty("Entrypoint")[0].GetString());
        Assert.Equal(1, config.GetProperty("Entrypoint").GetArrayLength());
    }

    /// <summary>Sends prompts that share nothing until each block of the cache has been written.</summary>
    /// <returns>Tokens that the cache holds.</returns>
    private static async Task<long> FillCacheAsync(HttpClient http, string log)
    {
        const int PromptTokens = 2000, AtOnce = 16;
        Match cache = CacheSize().Match(log);
        long slots = long.Parse(cache.Groups["blocks"].Value, CultureInfo.InvariantCulture) * long.Parse(cache.Groups["tokens"].Value, CultureInfo.InvariantCulture);
        var random = new Random(7);
        for (long written = 0; written < slots + (AtOnce * PromptTokens); written += AtOnce * PromptTokens)
        {
            string prompts = string.Join(',', Enumerable.Range(0, AtOnce).Select(_ =>
                $"[{string.Join(',', Enumerable.Range(0, PromptTokens).Select(_ => random.Next(300, 2000)))}]"));
            await PostAsync(http, "/v1/completions", $$"""{"model":"mounted","prompt":[{{prompts}}],"max_tokens":1}""");
        }
        return slots;
    }

    private static async Task<string> PostAsync(HttpClient http, string path, string body)
    {
        using StringContent content = Json(body);
        using HttpResponseMessage response = await http.PostAsync(path, content, Cancel);
        string answer = await response.Content.ReadAsStringAsync(Cancel);
        Assert.True(response.StatusCode == HttpStatusCode.OK, $"{path}: {(int)response.StatusCode} {answer}");
        return answer;
    }

    private static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");

    [GeneratedRegex(@"cache (?<blocks>\d+) blocks of (?<tokens>\d+)")]
    private static partial Regex CacheSize();

    /// <summary>The image's files as a directory of this machine.</summary>
    private sealed class ImageRoot(string path) : IAsyncDisposable
    {
        public string Path => path;

        public static async Task<ImageRoot> MountAsync() => new(await Podman.OutputAsync("image", "mount", Podman.Image));

        public async ValueTask DisposeAsync() => await Podman.OutputAsync("image", "unmount", Podman.Image);
    }
}
