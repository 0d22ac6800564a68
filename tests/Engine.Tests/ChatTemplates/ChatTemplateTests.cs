using System.Text.Json;
using KServePaged.Engine.ChatTemplates;
using KServePaged.Engine.Contracts;

namespace KServePaged.Engine.Tests.ChatTemplates;

public sealed class ChatTemplateTests
{
    private const string ChatMl =
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    private const string Conversation = """[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello "}]""";

    [Fact]
    public void Render_Conversation_AsTheTemplateSays() => Assert.Equal(
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello <|im_end|>\n<|im_start|>assistant\n",
        Render(ChatMl, new() { Messages = Json(Conversation), Now = TemplateRunner.Now, AddGenerationPrompt = true }));

    [Fact]
    public void Render_Variables_ReachTheTemplate()
    {
        const string Template = "{{ bos_token }}|{{ tools is defined }}|{{ documents is defined }}|{{ enable_thinking }}|{{ strftime_now('%d %b %Y') }}";
        var tokens = new Dictionary<string, string> { ["bos_token"] = "<s>" };
        var input = new ChatTemplateInput { Messages = Json("[]"), SpecialTokens = tokens, Now = TemplateRunner.Now };
        Assert.Equal("<s>|False|False||15 Jan 2025", Render(Template, input));
        input = input with { Tools = Json("[{}]"), Documents = Json("[]"), Arguments = Json("""{"enable_thinking": false, "bos_token": "B"}""") };
        Assert.Equal("B|True|True|False|15 Jan 2025", Render(Template, input));
        Assert.Equal("<s>|False|False||15 Jan 2025", Render(Template, input with { Tools = Json("null"), Documents = null, Arguments = null }));
    }

    [Fact]
    public void Render_RaiseException_IsTheCallersFaultInTheTemplatesWords()
    {
        RequestException error = Refused("{{ raise_exception('roles must ' ~ 'alternate') }}", "[]");
        Assert.Equal("roles must alternate", error.Message);
        Assert.Equal(EngineErrorCode.InvalidArgument, error.Code);
        Assert.Equal("messages", error.Parameter);
    }

    [Fact]
    public void Render_TemplateFails_NamesFileAndLine() => Assert.Equal(
        "chat.jinja, line 3: 'dict object' has no attribute 'content'", Refused("\n\n{{ messages[0].content.strip() }}", """[{"role": "user"}]""").Message);

    [Fact]
    public void Render_LimitReached_IsRefused() => Assert.Contains(
        "steps", Refused("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "[]").Message);

    [Theory]
    [InlineData("{}")]
    [InlineData("\"hi\"")]
    [InlineData("null")]
    public void Render_MessagesNoArray_Refused(string messages) => Assert.Equal("messages", Refused(ChatMl, messages).Parameter);

    [Fact]
    public void Render_TextThatIsNoUnicode_Refused() => Assert.Contains("Unicode", Refused(ChatMl, """[{"role": "user", "content": "\ud800"}]""").Message);

    [Theory]
    [InlineData("""{"messages": []}""")]
    [InlineData("""{"tools": []}""")]
    [InlineData("""{"add_generation_prompt": true}""")]
    [InlineData("[]")]
    public void Render_ArgumentsThatCannotBe_Refused(string arguments)
    {
        var input = new ChatTemplateInput { Messages = Json("[]"), Arguments = Json(arguments), Now = TemplateRunner.Now };
        Assert.Equal("chat_template_kwargs", Assert.Throws<RequestException>(() => Render(ChatMl, input)).Parameter);
    }

    [Theory]
    [InlineData("{{ m.content }}", "Hello ")] // the space belongs to the message
    [InlineData("{{ m.content | trim }}", "Hello")]
    [InlineData("{{ m.content.strip() }}", "Hello")]
    public void Render_ContinueFinalMessage_EndsWithItsContent(string print, string expected) => Assert.Equal(
        "[Hi][" + expected, Continue("{% for m in messages %}[" + print + "]{% endfor %}", Conversation));

    [Fact]
    public void Render_ContinueFinalMessage_LastTextPartIsContinued() => Assert.Equal("ab", Continue(
        "{% for m in messages %}{% for p in m.content %}{{ p.text }}{% endfor %}<e>{% endfor %}",
        """[{"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, {"type": "image"}]}]"""));

    [Fact]
    public void Render_ContinueFinalMessage_ContentOccursLaterToo_IsCutAtTheMessage() => Assert.Equal(
        "<user>e", Continue("{% for m in messages %}<{{ m.role }}>{{ m.content }}<end>{% endfor %}", """[{"role": "user", "content": "e"}]"""));

    [Theory]
    [InlineData("{{ messages[0].content }}", Conversation)]
    [InlineData("{{ messages[-1].role }}", Conversation)]
    [InlineData("{{ messages[-1].content|replace('e', '') }}", Conversation)]
    [InlineData("{{ messages[-1].content }}", """[{"role": "assistant"}]""")]
    [InlineData("{{ messages[-1].content }}", """[{"role": "assistant", "content": null}]""")]
    [InlineData("{{ messages[-1].content }}", """[{"role": "assistant", "content": [{"type": "image"}]}]""")]
    [InlineData("{{ messages[-1].content }}", "[]")]
    public void Render_ContinueFinalMessage_NotFound_Refused(string template, string messages) =>
        Assert.Contains("continue_final_message", Assert.Throws<RequestException>(() => Continue(template, messages)).Message);

    [Fact]
    public void Render_ContinueFinalMessageWithGenerationPrompt_Refused()
    {
        var input = new ChatTemplateInput
        {
            Messages = Json(Conversation),
            ContinueFinalMessage = true,
            AddGenerationPrompt = true,
            Now = TemplateRunner.Now,
        };
        Assert.Equal("continue_final_message", Assert.Throws<RequestException>(() => Render(ChatMl, input)).Parameter);
    }

    [Fact]
    public void Render_ByManyThreads_AllGetTheirOwn()
    {
        ChatTemplate template = ChatTemplate.Parse(ChatMl + "{% set ns = namespace(n=0) %}{% for i in range(50) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}", "t");
        Parallel.For(0, 200, i =>
        {
            var input = new ChatTemplateInput { Messages = Json($$"""[{"role": "user", "content": "{{i}}"}]"""), Now = TemplateRunner.Now };
            Assert.Equal($"<|im_start|>user\n{i}<|im_end|>\n1225", template.Render(input));
        });
    }

    [Fact]
    public void Render_ListThatATemplateShortens_IsFreshNextTime()
    {
        ChatTemplate template = ChatTemplate.Parse("{{ messages.pop(0).content }}{{ messages|length }}", "t");
        var input = new ChatTemplateInput { Messages = Json(Conversation), Now = TemplateRunner.Now };
        Assert.Equal("Hi1", template.Render(input));
        Assert.Equal("Hi1", template.Render(input));
    }

    [Fact]
    public void Parse_TooLong_Refused() =>
        Assert.Contains("limit", Assert.Throws<InvalidDataException>(() => ChatTemplate.Parse(new string('a', (1 << 20) + 1), "t")).Message);

    private static string Continue(string template, string messages) =>
        Render(template, new() { Messages = Json(messages), ContinueFinalMessage = true, Now = TemplateRunner.Now });

    private static RequestException Refused(string template, string messages) => Assert.Throws<RequestException>(
        () => Render(template, new() { Messages = Json(messages), Now = TemplateRunner.Now }));

    private static string Render(string template, ChatTemplateInput input) => ChatTemplate.Parse(template, "chat.jinja").Render(input);

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;
}
