using System.Text.Json;
using KServePaged.Engine.ChatTemplates;
using KServePaged.Engine.ChatTemplates.Jinja;
using KServePaged.Engine.Contracts;
using KServePaged.TestSupport;

namespace KServePaged.Engine.Tests.ChatTemplates;

/// <summary>Published templates over many conversations, compared with what Python's Jinja2, set up as transformers does, made of them.</summary>
public sealed class PublishedTemplateTests
{
    private static readonly DateTimeOffset Now = new(2025, 1, 15, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("core")]
    [InlineData("python")]
    public void Render_PublishedTemplates_ExpectedText(string tier)
    {
        using JsonDocument cases = Read("cases.json");
        using JsonDocument templates = Read("templates.json");
        Dictionary<string, JsonElement> byName = templates.RootElement.EnumerateArray().ToDictionary(entry => entry.GetProperty("name").GetString()!);
        JsonElement conversations = cases.RootElement.GetProperty("conversations");
        List<string> failures = [];
        int count = 0;
        foreach (JsonElement test in cases.RootElement.GetProperty("cases").EnumerateArray())
        {
            if (test.GetProperty("tier").GetString() == tier)
            {
                count++;
                Check(test, byName[test.GetProperty("template").GetString()!], conversations, failures);
            }
        }
        Assert.True(count > 50);
        Assert.True(failures.Count == 0, $"{failures.Count} of {count}:\n{string.Join("\n", failures.Take(20))}");
    }

    /// <summary>Whole renderings of another project's tests. Where its own expectation differs, Python's result is taken.</summary>
    [Fact]
    public void Render_EndToEndCases_ExpectedText()
    {
        using JsonDocument document = Read("hf_e2e.json");
        List<string> failures = [];
        foreach (JsonElement test in document.RootElement.GetProperty("cases").EnumerateArray())
        {
            JsonElement data = test.GetProperty("data");
            var tokens = new Dictionary<string, string>();
            foreach (JsonProperty variable in data.EnumerateObject().Where(variable => variable.Name.EndsWith("_token", StringComparison.Ordinal)))
            {
                tokens[variable.Name] = variable.Value.GetString()!;
            }
            string rendered = ChatTemplate.Parse(test.GetProperty("template").GetString()!, "e2e").Render(new ChatTemplateInput
            {
                Messages = data.GetProperty("messages"),
                Tools = data.TryGetProperty("tools", out JsonElement tools) ? tools : null,
                AddGenerationPrompt = data.TryGetProperty("add_generation_prompt", out JsonElement add) && add.GetBoolean(),
                Arguments = Others(data),
                SpecialTokens = tokens,
                Now = Now,
            });
            Compare(test.GetProperty("name").GetString()!, test.GetProperty("expected").GetString()!, rendered, failures);
        }
        Assert.True(failures.Count == 0, string.Join("\n", failures));
    }

    /// <summary>Single features of the language.</summary>
    [Fact]
    public void Render_UnitCases_ExpectedText()
    {
        using JsonDocument document = Read("jinja_unit.json");
        List<string> failures = [];
        foreach (JsonElement test in document.RootElement.GetProperty("cases").EnumerateArray())
        {
            string name = test.GetProperty("name").GetString()!;
            try
            {
                string rendered = TemplateRunner.Render(test.GetProperty("template").GetString()!, test.GetProperty("context"));
                Compare(name, test.GetProperty("expected").GetString()!, rendered, failures);
            }
            catch (Exception error) when (error is TemplateException or InvalidDataException)
            {
                failures.Add($"{name}: {error.Message}");
            }
        }
        Assert.True(failures.Count == 0, string.Join("\n", failures));
    }

    private static void Check(JsonElement test, JsonElement template, JsonElement conversations, List<string> failures)
    {
        string conversationName = test.GetProperty("conversation").GetString()!;
        JsonElement conversation = conversations.GetProperty(conversationName);
        string name = $"{test.GetProperty("template").GetString()} / {conversationName}";
        var tokens = new Dictionary<string, string>();
        foreach (string token in (string[])["bos_token", "eos_token"])
        {
            if (template.TryGetProperty(token, out JsonElement value) && value.ValueKind == JsonValueKind.String)
            {
                tokens[token] = value.GetString()!;
            }
        }
        var input = new ChatTemplateInput
        {
            Messages = conversation.GetProperty("messages"),
            Tools = conversation.GetProperty("tools"),
            Arguments = test.GetProperty("kwargs"),
            AddGenerationPrompt = test.GetProperty("add_generation_prompt").GetBoolean(),
            SpecialTokens = tokens,
            Now = Now,
        };
        try
        {
            string rendered = ChatTemplate.Parse(template.GetProperty("template").GetString()!, name).Render(input);
            Compare(name, test.TryGetProperty("expected", out JsonElement expected) ? expected.GetString()! : "an error", rendered, failures);
        }
        catch (RequestException error) when (test.TryGetProperty("raises", out JsonElement raises))
        {
            Compare(name, raises.GetString()!, error.Message, failures);
        }
        catch (Exception error) when (error is RequestException or InvalidDataException)
        {
            failures.Add($"{name}: {error.Message}");
        }
    }

    private static JsonElement? Others(JsonElement data)
    {
        string[] fields = ["messages", "tools", "add_generation_prompt"];
        var others = data.EnumerateObject()
            .Where(variable => !fields.Contains(variable.Name) && !variable.Name.EndsWith("_token", StringComparison.Ordinal))
            .Select(variable => $"{JsonSerializer.Serialize(variable.Name)}:{variable.Value.GetRawText()}");
        return JsonDocument.Parse("{" + string.Join(",", others) + "}").RootElement;
    }

    private static void Compare(string name, string expected, string actual, List<string> failures)
    {
        if (expected != actual)
        {
            int at = expected.AsSpan().CommonPrefixLength(actual);
            string Around(string text) => JsonSerializer.Serialize(text[Math.Max(0, at - 30)..Math.Min(text.Length, at + 60)]);
            failures.Add($"{name}: at {at} expected {Around(expected)}, got {Around(actual)}");
        }
    }

    private static JsonDocument Read(string name) =>
        JsonDocument.Parse(File.ReadAllBytes(SharedData.PathOf($"chat_templates/{name}")));
}
