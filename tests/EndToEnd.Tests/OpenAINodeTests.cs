using KServePaged.TestSupport;

namespace KServePaged.EndToEnd.Tests;

/// <summary>OpenAI's npm package against the real server.</summary>
public sealed class OpenAINodeTests
{
    [Fact]
    public async Task NpmOpenAI_EveryStep_Holds()
    {
        await using ServerProcess server = await ServerProcess.StartAsync(
            $"--model_dir={SharedData.PathOf("models/stories260K")}", "--model_name=stories", $"--chat_template={SharedData.PathOf("vllm/chat_template.jinja")}");
        Assert.Equal(10, (await ThirdPartyClient.RunNodeAsync("openai", "openai.mjs", $"{server.Http.BaseAddress}v1", "stories")).Length);
    }
}
