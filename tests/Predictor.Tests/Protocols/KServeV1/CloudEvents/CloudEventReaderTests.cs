using System.Text;
using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Protocols.KServeV1.CloudEvents;
using Microsoft.AspNetCore.Http;

namespace KServePaged.Predictor.Tests.Protocols.KServeV1.CloudEvents;

public sealed class CloudEventReaderTests
{
    private static readonly string[] Pieces = ["a", "Z", "9", " ", "\"", "%", "%41", "\\", "é", "€", "😀", ",", ";", "=", "/", ":", "\n", "\u007f"];

    /// <summary>However an event travels, the server has the same request in hand.</summary>
    [Fact]
    public void Read_BinaryAndStructured_AreTheSameEvent()
    {
        var random = new Random(7);
        for (int i = 0; i < 3000; i++)
        {
            Dictionary<string, string> attributes = new() { ["specversion"] = "1.0", ["id"] = Text(random), ["source"] = Text(random), ["type"] = Text(random) };
            for (int extra = random.Next(4); extra > 0; extra--)
            {
                attributes[$"x{random.Next(10)}"] = Text(random);
            }
            string data = JsonSerializer.Serialize(new { instances = new[] { Text(random), Text(random) } });

            var binary = new HeaderDictionary { ["Content-Type"] = "application/json", ["User-Agent"] = "x" };
            foreach ((string name, string value) in attributes)
            {
                binary[(random.Next(2) == 0 ? "ce-" : "CE-") + name] = AttributeHeader.Encode(value);
            }
            var structured = new HeaderDictionary { ["Content-Type"] = "application/cloudevents+json" };
            string members = string.Concat(attributes.Select(pair => $"{JsonSerializer.Serialize(pair.Key)}:{JsonSerializer.Serialize(pair.Value)},"));
            string body = random.Next(2) == 0 ? $"\"data\":{data}" : $"\"data_base64\":\"{Convert.ToBase64String(Encoding.UTF8.GetBytes(data))}\"";

            CloudEvent one = CloudEventReader.Read(binary, Encoding.UTF8.GetBytes(data))!; // it is an event
            CloudEvent other = CloudEventReader.Read(structured, Encoding.UTF8.GetBytes($"{{{members}{body}}}"))!;
            Assert.Equal((CloudEventMode.Binary, CloudEventMode.Structured), (one.Mode, other.Mode));
            Assert.Equal(attributes.OrderBy(pair => pair.Key), one.Attributes.OrderBy(pair => pair.Key));
            Assert.Equal(attributes.OrderBy(pair => pair.Key), other.Attributes.OrderBy(pair => pair.Key));
            Assert.Equal(one.Data.GetRawText(), other.Data.GetRawText());
        }
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀")]
    [InlineData("\"quoted \\\"text\\\" %20\"", "quoted \"text\"  ")]
    [InlineData("100%", "100%")]
    [InlineData("%zz", "%zz")]
    [InlineData("%2541", "%41")]
    [InlineData("  spaced out  ", "spaced out")]
    public void Decode_UndoesQuotesAndOneRoundOfPercents(string header, string text) => Assert.Equal(text, AttributeHeader.Decode(header));

    [Fact]
    public void Encode_LeavesOnlyVisibleAscii() => Assert.Equal("Euro%20%E2%82%AC%20%F0%9F%98%80%22%25%0A~", AttributeHeader.Encode("Euro € 😀\"%\n~"));

    [Theory]
    [InlineData("ce-my-ext", "x")]
    [InlineData("ce-", "x")]
    public void Read_WhenAHeaderIsNoAttribute_IsRefused(string name, string value)
    {
        var headers = new HeaderDictionary { ["ce-specversion"] = "1.0", ["ce-id"] = "1", ["ce-source"] = "s", ["ce-type"] = "t", [name] = value };
        Assert.Throws<RequestException>(() => CloudEventReader.Read(headers, "{}"u8.ToArray()));
    }

    [Fact]
    public void Read_WhenAnAttributeComesTwice_IsRefused()
    {
        var headers = new HeaderDictionary { ["ce-specversion"] = "1.0", ["ce-id"] = new(["1", "2"]), ["ce-source"] = "s", ["ce-type"] = "t" };
        Assert.Equal("id", Assert.Throws<RequestException>(() => CloudEventReader.Read(headers, "{}"u8.ToArray())).Parameter);
    }

    /// <summary>Half an event, or anything at all, is refused or read; nothing else escapes.</summary>
    [Fact]
    public void Read_WhateverComes_ThrowsNothingElse()
    {
        var random = new Random(11);
        byte[] whole = """{"specversion":"1.0","id":"1","source":"s","type":"t","n":5,"data":{"instances":["a"]}}"""u8.ToArray();
        var structured = new HeaderDictionary { ["Content-Type"] = "application/cloudevents+json" };
        int refused = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] body = [.. whole];
            for (int edits = random.Next(1, 4); edits > 0; edits--)
            {
                body[random.Next(body.Length)] = (byte)random.Next(256);
            }
            try
            {
                CloudEventReader.Read(structured, body.AsMemory(0, random.Next(4) == 0 ? random.Next(body.Length) : body.Length));
            }
            catch (RequestException)
            {
                refused++;
            }
        }
        Assert.InRange(refused, 10_000, 20_000);
    }

    private static string Text(Random random) =>
        "t" + string.Concat(Enumerable.Range(0, random.Next(6)).Select(_ => Pieces[random.Next(Pieces.Length)])) + "t"; // blanks at the ends are the header's own
}
