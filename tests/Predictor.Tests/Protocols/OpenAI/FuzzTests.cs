using System.Text;
using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Protocols.OpenAI;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Tests.Protocols.OpenAI;

/// <summary>Whatever a body holds, it is parsed or refused with a <see cref="RequestException"/>; nothing else comes out.</summary>
public sealed class FuzzTests
{
    private const int Seed = 20260102;

    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "1", "-1", "2.5", "1e400", "-0.0", "9223372036854775807", "99999999999999999999", "\"\"", "\"x\"", "\"12\"", "\"nan\"",
        "\"\\u0000\"", "\"😀\"", "[]", "[1]", "[\"a\"]", "[[1,2],[3]]", "[null]", "[{}]", "{}", "{\"a\":1}", "{\"type\":\"text\"}", "{\"type\":\"function\"}",
        "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}", "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{}}}]",
        "[{\"role\":\"user\",\"content\":\"x\"}]", "[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}]",
        "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\"},{\"type\":\"refusal\",\"refusal\":\"y\"}]}]", "[{\"role\":\"\",\"content\":[[]]}]",
        "{\"include_usage\":1}", "{\"5\":1.5}", "{\"5\":\"x\"}", "\"left\"", "\"auto\"", "\"required\"", "\"low\"",
    ];

    private static int Rounds => Environment.GetEnvironmentVariable("KSERVEPAGED_SLOW") == "1" ? 1_000_000 : 20_000;

    [Fact]
    public void Fields_WithAnyValue_AreParsedOrRefused()
    {
        string[] completion = Names(fields => CompletionCall.Parse(fields), "{\"prompt\":\"x\"}");
        string[] chat = Names(fields => ChatCall.Parse(fields), "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
        var random = new Random(Seed);
        int parsed = 0;
        for (int round = 0; round < Rounds; round++)
        {
            bool isChat = round % 2 == 0;
            string[] names = isChat ? chat : completion;
            var body = new StringBuilder(isChat ? "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]" : "{\"prompt\":\"x\"");
            for (int i = random.Next(1, 4); i > 0; i--)
            {
                body.Append($",\"{names[random.Next(names.Length)]}\":{Values[random.Next(Values.Length)]}");
            }
            parsed += Try(Encoding.UTF8.GetBytes(body.Append('}').ToString()), isChat) ? 1 : 0;
        }
        Assert.InRange(parsed, Rounds / 50, Rounds / 2); // both ways out are taken
    }

    [Fact]
    public void Bodies_WithBrokenBytes_AreParsedOrRefused()
    {
        byte[] sound = Encoding.UTF8.GetBytes(
            """{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"é😀\u00e9\ud83d\ude00"}]}],"stop":["a","b"],"logit_bias":{"5":-1.5e0},"stream":true}""");
        var random = new Random(Seed);
        int parsed = 0;
        for (int round = 0; round < Rounds; round++)
        {
            byte[] body = [.. sound];
            for (int i = random.Next(1, 4); i > 0; i--)
            {
                body[random.Next(body.Length)] = (byte)random.Next(256);
            }
            parsed += Try(random.Next(10) == 0 ? body[..random.Next(body.Length)] : body, isChat: true) ? 1 : 0;
        }
        Assert.InRange(parsed, 1, Rounds - 1);
    }

    private static bool Try(byte[] body, bool isChat)
    {
        try
        {
            var fields = new RequestFields(JsonBody.Parse(body));
            if (isChat)
            {
                // The engine reads the messages later, on the assumption that every string in them can be read.
                _ = ChatCall.Parse(fields).Prompt.Messages.EnumerateArray().Select(message => message.GetProperty("role").GetString()).ToArray();
            }
            else
            {
                CompletionCall.Parse(fields);
            }
            return true;
        }
        catch (RequestException e)
        {
            Assert.NotEmpty(e.Message);
            return false;
        }
        catch (Exception e)
        {
            throw new InvalidOperationException(Encoding.UTF8.GetString(body), e);
        }
    }

    private static string[] Names(Action<RequestFields> parse, string body)
    {
        var fields = new RequestFields(JsonDocument.Parse(body).RootElement);
        parse(fields);
        return [.. fields.Asked.Distinct()];
    }
}
