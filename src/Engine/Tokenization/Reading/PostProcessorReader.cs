using KServePaged.Engine.Tokenization.Models;
using KServePaged.Engine.Tokenization.PostProcessors;

namespace KServePaged.Engine.Tokenization.Reading;

/// <summary>Reads the <c>post_processor</c> section.</summary>
internal static class PostProcessorReader
{
    private const int MaxTokens = 4096;

    public static PostProcessor Read(JsonNode node)
    {
        JsonNode type = node["type"];
        return type.Text() switch
        {
            "TemplateProcessing" => ReadTemplate(node),
            "ByteLevel" => PostProcessor.Identity,
            "BertProcessing" => ReadFrame(node, doubleSeparator: false),
            "RobertaProcessing" => ReadFrame(node, doubleSeparator: true),
            "Sequence" => ReadSequence(node["processors"].Items()),
            string other => throw type.Defect($"the post-processor '{other}' is not supported"),
        };
    }

    private static PostProcessor ReadSequence(List<JsonNode> steps)
    {
        PostProcessor result = PostProcessor.Identity;
        foreach (JsonNode step in steps)
        {
            PostProcessor processor = Read(step);
            if (!result.IsIdentity && !processor.IsIdentity)
            {
                throw step.Defect("a second post-processor that adds tokens is not supported");
            }
            result = processor.IsIdentity ? result : processor;
        }
        return result;
    }

    private static PostProcessor ReadFrame(JsonNode node, bool doubleSeparator)
    {
        TemplatePart cls = TemplatePart.Tokens(ReadTokenPair(node["cls"])), sep = TemplatePart.Tokens(ReadTokenPair(node["sep"]));
        return new PostProcessor(
            [cls, TemplatePart.First, sep],
            [cls, TemplatePart.First, sep, .. doubleSeparator ? [sep] : Array.Empty<TemplatePart>(), TemplatePart.Second, sep]);
    }

    private static int ReadTokenPair(JsonNode node)
    {
        List<JsonNode> items = node.Items();
        if (items.Count != 2)
        {
            throw node.Defect("a token and its id are expected");
        }
        _ = items[0].Text();
        return ReadId(items[1]);
    }

    private static PostProcessor ReadTemplate(JsonNode node)
    {
        var tokens = new Dictionary<string, int[]>(StringComparer.Ordinal);
        foreach ((string name, JsonNode value) in node["special_tokens"].Members())
        {
            tokens[name] = [.. value["ids"].Items().Select(ReadId)];
        }
        TemplatePart[] single = ReadParts(node["single"], tokens), pair = ReadParts(node["pair"], tokens);
        if (single.Any(part => part.Kind == TemplatePartKind.Second))
        {
            throw node["single"].Defect("a template for one text cannot use a second");
        }
        return new PostProcessor(single, pair);
    }

    private static TemplatePart[] ReadParts(JsonNode node, Dictionary<string, int[]> tokens)
    {
        List<JsonNode> items = node.Items();
        var parts = items.ConvertAll(item => ReadPart(item, tokens));
        return items.Count <= MaxTokens && parts.Sum(part => part.Ids.Length) <= MaxTokens
            ? [.. parts]
            : throw node.Defect($"more than {MaxTokens} tokens");
    }

    private static TemplatePart ReadPart(JsonNode node, Dictionary<string, int[]> tokens)
    {
        if (node.Find("Sequence") is { } sequence)
        {
            JsonNode id = sequence["id"];
            return id.Text() switch
            {
                "A" => TemplatePart.First,
                "B" => TemplatePart.Second,
                string other => throw id.Defect($"'{other}' is neither A nor B"),
            };
        }
        JsonNode token = node["SpecialToken"]["id"];
        return tokens.TryGetValue(token.Text(), out int[]? ids)
            ? TemplatePart.Tokens(ids)
            : throw token.Defect($"'{token.Text()}' is not among the special_tokens");
    }

    private static int ReadId(JsonNode node) => node.Integer(0, VocabularyBuilder.MaxIdLimit - 1);
}
