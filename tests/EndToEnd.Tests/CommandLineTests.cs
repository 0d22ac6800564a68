using KServePaged.TestSupport;

namespace KServePaged.EndToEnd.Tests;

/// <summary>How the process begins and ends.</summary>
public sealed class CommandLineTests
{
    [Fact]
    public async Task Help_IsPrintedWithCodeZero()
    {
        (int code, string output, string error) = await ServerProcess.RunAsync("--help");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("--model_dir, --model PATH", output);
    }

    [Fact]
    public async Task BadOption_IsOneSentenceWithCodeTwo()
    {
        (int code, string output, string error) = await ServerProcess.RunAsync("--max_num_seq", "3");
        Assert.Equal((2, "", "There is no option --max_num_seq. Did you mean --max_num_seqs?\n"), (code, output, error));
    }

    [Theory]
    [InlineData("--tokenizer=/nowhere", "tokenizer: there is no tokenizer.json in /nowhere")]
    [InlineData("--chat_template=/nowhere", "/nowhere")]
    [InlineData("--max_model_len=100000", "max_model_len is 100000")]
    [InlineData("--kv_cache_memory=1KiB", "kv_cache_memory")]
    public async Task OptionThatTheModelCannotMeet_EndsWithCodeOneNamingIt(string option, string expected)
    {
        (int code, string output, string error) = await ServerProcess.RunAsync(
            $"--model_dir={SharedData.PathOf("models/stories260K")}", "--port=0", "--host=127.0.0.1", option);
        Assert.Equal((1, ""), (code, output));
        Assert.Contains(expected, error.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]);
    }

    [Fact]
    public async Task Terminate_WithARunningStream_LetsItEndAndExitsWithCodeZero()
    {
        await using ServerProcess server = await ServerProcess.StartAsync($"--model_dir={SharedData.PathOf("models/stories260K")}");
        CancellationToken cancel = TestContext.Current.CancellationToken;
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = new StringContent("""{"prompt":"Once","max_tokens":400,"ignore_eos":true,"stream":true}""", System.Text.Encoding.UTF8, "application/json"),
        };
        using HttpResponseMessage response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        server.Terminate();
        string events = await response.Content.ReadAsStringAsync(cancel);
        Assert.EndsWith("data: [DONE]\n\n", events);
        Assert.Contains("\"finish_reason\":\"length\"", events);
        Assert.Equal(0, await server.WaitForExitAsync());
    }

    [Theory]
    [InlineData(false, "curl http://127.0.0.1:")]
    [InlineData(true, "curl -k https://127.0.0.1:")]
    public async Task Ready_ThePrintedCurlLineWorks(bool tls, string expected)
    {
        using var certificate = new TestCertificate();
        string folder = Directory.CreateTempSubdirectory().FullName;
        (string certificateFile, string keyFile) = certificate.WriteTo(folder);
        await using ServerProcess server = await ServerProcess.StartAsync(
            [$"--model_dir={SharedData.PathOf("models/stories260K")}", .. tls ? (string[])[$"--ssl-certfile={certificateFile}", $"--ssl-keyfile={keyFile}"] : []]);
        Directory.Delete(folder, recursive: true);
        Assert.StartsWith(expected, server.CurlLine);
        if (!File.Exists("/usr/bin/curl"))
        {
            Assert.Skip("curl is not installed");
        }
        using var shell = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("/bin/sh", ["-c", server.CurlLine + " --silent"]) { RedirectStandardOutput = true })!; // a new process
        string answer = await shell.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Contains("\"object\":\"text_completion\"", answer);
    }

    [Fact]
    public async Task Bare_ServesTheEmbeddedModel()
    {
        if (!Directory.Exists(Path.Combine(AppContext.BaseDirectory, "models", "demo")))
        {
            Assert.Skip("models/demo is not in this checkout");
        }
        await using ServerProcess server = await ServerProcess.StartAsync();
        Assert.Contains("/v1/chat/completions", server.CurlLine);
        using var body = new StringContent(
            """{"messages":[{"role":"user","content":"Hello! Who are you?"}],"temperature":0}""", System.Text.Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await server.Http.PostAsync("/v1/chat/completions", body, TestContext.Current.CancellationToken);
        string answer = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains("\"model\":\"demo\"", answer);
        Assert.Contains("\"finish_reason\":\"stop\"", answer);
    }
}
