using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Processing;

namespace KServePaged.Engine.Tests.Processing;

public sealed class ChatRendererTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("chat-renderer-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Load_WithoutATemplate_GivesNull() => Assert.Null(Load());

    [Fact]
    public void Render_PassesMessagesTokensArgumentsAndFlags()
    {
        Write("tokenizer_config.json", """{"bos_token":"<s>","chat_template":"{{ bos_token }}{{ messages[0].content }}{{ style }}{% if add_generation_prompt %}>{% endif %}"}""");
        var chat = new Prompt.Chat(Json("""[{"role":"user","content":"hi"}]"""), TemplateArguments: Json("""{"style":"!"}"""));
        Assert.Equal("<s>hi!>", Load()!.Render(chat));
        Assert.Equal("<s>hi!", Load()!.Render(chat with { AddGenerationPrompt = false }));
    }

    [Fact]
    public void Render_WithTools_UsesTheTemplateForThem()
    {
        Write("tokenizer_config.json", """{"chat_template":[{"name":"default","template":"plain"},{"name":"tool_use","template":"{{ tools | length }} tools"}]}""");
        var chat = new Prompt.Chat(Json("[]"));
        Assert.Equal("plain", Load()!.Render(chat));
        Assert.Equal("1 tools", Load()!.Render(chat with { Tools = Json("""[{"type":"function"}]""") }));
    }

    [Fact]
    public void Load_WithAFileOfItsOwn_ReplacesTheModelsTemplates()
    {
        Write("tokenizer_config.json", """{"bos_token":"<s>","chat_template":"model"}""");
        Write("mine.jinja", "mine {{ bos_token }}");
        Assert.Equal("mine <s>", Load("mine.jinja")!.Render(new Prompt.Chat(Json("[]"))));
        Assert.Contains("none.jinja", Assert.Throws<InvalidDataException>(() => Load("none.jinja")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Render_WhenTheTemplateRefuses_SaysItsWords()
    {
        Write("tokenizer_config.json", """{"chat_template":"{{ raise_exception('no system role here') }}"}""");
        RequestException refusal = Assert.Throws<RequestException>(() => Load()!.Render(new Prompt.Chat(Json("[]"))));
        Assert.Equal((EngineErrorCode.InvalidArgument, "no system role here"), (refusal.Code, refusal.Message));
    }

    private ChatRenderer? Load(string? template = null) =>
        ChatRenderer.Load(_directory, template is null ? null : Path.Combine(_directory, template), TimeProvider.System);

    private void Write(string name, string content) => File.WriteAllText(Path.Combine(_directory, name), content);

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;
}
