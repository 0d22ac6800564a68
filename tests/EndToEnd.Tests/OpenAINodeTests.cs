using System.Diagnostics;
using KServePaged.TestSupport;

namespace KServePaged.EndToEnd.Tests;

/// <summary>OpenAI's npm package against the real server.</summary>
public sealed class OpenAINodeTests
{
    [Fact]
    public async Task NpmOpenAI_EveryStep_Holds()
    {
        string clients = Path.Combine(Repository.Root, "tests/EndToEnd.Tests/clients");
        if (!Directory.Exists(Path.Combine(clients, "node_modules", "openai")))
        {
            Assert.Skip("the npm packages are not installed: run npm ci in tests/EndToEnd.Tests/clients");
        }
        await using ServerProcess server = await ServerProcess.StartAsync(
            $"--model_dir={SharedData.PathOf("models/stories260K")}", "--model_name=stories", $"--chat_template={SharedData.PathOf("vllm/chat_template.jinja")}");
        using Process node = Process.Start(new ProcessStartInfo("node", ["openai.mjs", $"{server.Http.BaseAddress}v1", "stories"])
        {
            WorkingDirectory = clients,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!; // a new process
        Task<string> errors = node.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await node.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await node.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(1));
        Assert.True(node.ExitCode == 0, output + await errors);
        Assert.Equal(10, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }
}
