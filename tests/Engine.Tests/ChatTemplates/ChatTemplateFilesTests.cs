using System.Text.Json;
using KServePaged.Engine.ChatTemplates;
using KServePaged.TestSupport;

namespace KServePaged.Engine.Tests.ChatTemplates;

public sealed class ChatTemplateFilesTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("chat-templates").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Load_EmptyDirectory_HasNone()
    {
        ChatTemplateSet set = ChatTemplateFiles.Load(_directory);
        Assert.Null(set.For(withTools: false));
        Assert.Null(set.For(withTools: true));
        Assert.Empty(set.SpecialTokens);
    }

    [Fact]
    public void Load_OneTemplate_ServesRequestsWithAndWithoutTools()
    {
        Write("tokenizer_config.json", """{"chat_template": "one"}""");
        Check("one", "one");
    }

    [Fact]
    public void Load_NamedTemplates_ToolUseIsForTools()
    {
        Write("tokenizer_config.json", """
            {"chat_template": [
              {"name": "rag", "template": "{{ broken"}, {"name": "default", "template": "plain"}, {"name": "tool_use", "template": "tools"}]}
            """);
        Check("plain", "tools");
    }

    [Fact]
    public void Load_NoDefault_ServesToolsOnly()
    {
        Write("tokenizer_config.json", """{"chat_template": [{"name": "tool_use", "template": "tools"}]}""");
        Check(null, "tools");
    }

    [Fact]
    public void Load_JinjaFile_ReplacesTheConfigurations()
    {
        Write("tokenizer_config.json", """{"chat_template": [{"name": "default", "template": "old"}, {"name": "tool_use", "template": "old tools"}]}""");
        Write("chat_template.jinja", "file\n");
        Check("file", "file");
        Write("additional_chat_templates/tool_use.jinja", "file tools");
        Check("file", "file tools");
    }

    [Fact]
    public void Load_LegacyFile_IsTheLastResort()
    {
        Write("chat_template.json", """{"chat_template": "legacy"}""");
        Check("legacy", "legacy");
        Write("tokenizer_config.json", """{"chat_template": "config"}""");
        Check("config", "config");
    }

    [Fact]
    public void Load_SpecialTokens_StringsAndObjects_ConfigFirst()
    {
        Write("tokenizer_config.json", """
            {"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}, "unk_token": null, "extra_special_tokens": {"image_token": "<img>"}}
            """);
        Write("special_tokens_map.json", """{"bos_token": "<other>", "pad_token": {"content": "<pad>"}, "additional_special_tokens": ["<x>"]}""");
        Assert.Equal(
            new Dictionary<string, string> { ["bos_token"] = "<s>", ["eos_token"] = "</s>", ["image_token"] = "<img>", ["pad_token"] = "<pad>" },
            ChatTemplateFiles.Load(_directory).SpecialTokens);
    }

    [Theory]
    [InlineData("tokenizer_config.json", "{", "tokenizer_config.json is not valid JSON")]
    [InlineData("tokenizer_config.json", "[]", "tokenizer_config.json must hold a JSON object")]
    [InlineData("tokenizer_config.json", """{"chat_template": 5}""", "tokenizer_config.json: chat_template must be")]
    [InlineData("tokenizer_config.json", """{"chat_template": [{"name": "default"}]}""", "tokenizer_config.json: chat_template: an entry without a string 'template'")]
    [InlineData("tokenizer_config.json", """{"chat_template": ["x"]}""", "tokenizer_config.json: chat_template: an entry without a string 'name'")]
    [InlineData("tokenizer_config.json", """{"chat_template": "\ud800"}""", "tokenizer_config.json: chat_template is not valid Unicode")]
    [InlineData("tokenizer_config.json", """{"chat_template": "a\n{% if %}"}""", "tokenizer_config.json: chat_template, line 2: ")]
    [InlineData("tokenizer_config.json", """{"bos_token": 1}""", "tokenizer_config.json: bos_token must be")]
    [InlineData("special_tokens_map.json", """{"eos_token": {"text": "x"}}""", "special_tokens_map.json: eos_token must be")]
    [InlineData("chat_template.jinja", "{{ x", "chat_template.jinja, line 1: ")]
    [InlineData("additional_chat_templates/tool_use.jinja", "{{ x", "additional_chat_templates/tool_use.jinja, line 1: ")]
    [InlineData("chat_template.json", """{"chat_template": {}}""", "chat_template.json: chat_template must be")]
    public void Load_BrokenFile_NamesFileAndField(string name, string content, string message)
    {
        Write(name, content);
        Assert.StartsWith(message, Assert.Throws<InvalidDataException>(() => ChatTemplateFiles.Load(_directory)).Message);
    }

    [Fact]
    public void Load_PublishedTokenizers_AllLoad()
    {
        ChatTemplateSet[] sets = Array.ConvertAll(Directory.GetDirectories(SharedData.PathOf("tokenizers")), ChatTemplateFiles.Load);
        Assert.Contains(sets, set => set.Default is not null);
        Assert.Contains(sets, set => set.SpecialTokens.ContainsKey("eos_token"));
    }

    private void Check(string? without, string? with)
    {
        ChatTemplateSet set = ChatTemplateFiles.Load(_directory);
        Assert.Equal(without, Render(set.For(withTools: false)));
        Assert.Equal(with, Render(set.For(withTools: true)));
    }

    private static string? Render(ChatTemplate? template)
    {
        using JsonDocument messages = JsonDocument.Parse("[]");
        return template?.Render(new ChatTemplateInput { Messages = messages.RootElement, Now = TemplateRunner.Now });
    }

    private void Write(string name, string content)
    {
        string path = Path.Combine(_directory, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
    }
}
