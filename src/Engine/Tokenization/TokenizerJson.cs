using System.Text.Json;
using System.Text.Unicode;
using KServePaged.Engine.Tokenization.Added;
using KServePaged.Engine.Tokenization.Decoders;
using KServePaged.Engine.Tokenization.Models;
using KServePaged.Engine.Tokenization.Normalizers;
using KServePaged.Engine.Tokenization.PostProcessors;
using KServePaged.Engine.Tokenization.PreTokenizers;
using KServePaged.Engine.Tokenization.Reading;

namespace KServePaged.Engine.Tokenization;

/// <summary>
/// Reads Hugging Face's <c>tokenizer.json</c>. The sections <c>truncation</c> and <c>padding</c> are what a training run left behind:
/// a server takes whole texts and pads nothing, and so does every call through transformers that does not ask for it.
/// </summary>
internal static class TokenizerJson
{
    private const string FileName = "tokenizer.json";
    private const string ConfigFileName = "tokenizer_config.json";
    private const long MaxFileBytes = 256L << 20;

    /// <summary>Reads a model directory's tokenizer.</summary>
    /// <returns>The tokenizer, or null when the directory has no tokenizer.json: such a model serves token ids.</returns>
    /// <exception cref="InvalidDataException">The file is broken or asks for something that is not supported; names file and place.</exception>
    public static ITokenizer? Load(string directory)
    {
        string path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
        {
            return null;
        }
        if (new FileInfo(path).Length > MaxFileBytes)
        {
            throw new InvalidDataException($"{path}: larger than {MaxFileBytes} bytes.");
        }
        string configPath = Path.Combine(directory, ConfigFileName);
        TokenizerConfig config = File.Exists(configPath) ? TokenizerConfig.Parse(File.ReadAllBytes(configPath), configPath) : TokenizerConfig.Empty;
        return Parse(File.ReadAllBytes(path), path, config);
    }

    /// <summary>Reads the text of a tokenizer.json.</summary>
    /// <param name="json">UTF-8.</param>
    /// <param name="fileName">For errors.</param>
    /// <param name="config">What the tokenizer_config.json beside it adds, or null.</param>
    /// <exception cref="InvalidDataException">The file is broken or asks for something that is not supported; names file and place.</exception>
    public static ITokenizer Parse(ReadOnlySpan<byte> json, string fileName = FileName, TokenizerConfig? config = null)
    {
        var source = new JsonSource(fileName, "");
        if (!Utf8.IsValid(json))
        {
            throw source.Defect("it is not UTF-8");
        }
        try
        {
            var reader = new Utf8JsonReader(json);
            return Build(ReadSections(ref reader, source, out RawModel? model), model, config ?? TokenizerConfig.Empty, source);
        }
        catch (JsonException exception)
        {
            throw source.Defect($"it is not JSON: {exception.Message.TrimEnd('.')}", exception);
        }
    }

    private static Dictionary<string, JsonElement> ReadSections(ref Utf8JsonReader reader, JsonSource source, out RawModel? model)
    {
        var sections = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        model = null;
        byte[] scratch = [];
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw source.Defect("an object is expected");
        }
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = System.Text.Encoding.UTF8.GetString(source.TextOf(ref reader, ref scratch));
            reader.Read();
            if (name == "model")
            {
                model = ModelReader.TakeApart(ref reader, source.At(name));
            }
            else
            {
                sections[name] = JsonElement.ParseValue(ref reader);
            }
        }
        return reader.Read() ? throw source.Defect("something follows the object") : sections;
    }

    private static HuggingFaceTokenizer Build(
        Dictionary<string, JsonElement> sections, RawModel? rawModel, TokenizerConfig config, JsonSource source)
    {
        if (Section("version") is { } version && version.Text() != "1.0")
        {
            throw version.Defect("only version 1.0 is known");
        }
        if (rawModel is null)
        {
            throw source.Defect("'model' is missing");
        }
        JsonNode? preTokenizer = Section("pre_tokenizer");
        JsonSource modelSource = source.At("model");
        bool rawBytes = preTokenizer is { } node && PreTokenizerReader.EndsInByteLevel(node) && ModelReader.TakesRawBytes(rawModel, modelSource);
        TokenModel model = ModelReader.Build(rawModel, rawBytes, modelSource);
        Normalizer? normalizer = Section("normalizer") is { } normalizerNode ? NormalizerReader.Read(normalizerNode) : null;
        List<AddedToken> added = Section("added_tokens") is { } addedNode ? AddedTokenReader.Read(addedNode) : [];
        return new HuggingFaceTokenizer(
            model,
            new AddedVocabulary(model.Vocabulary, normalizer, added, config.Tokens, config.SplitsSpecialTokens),
            preTokenizer is { } preNode ? PreTokenizerReader.Read(preNode, rawBytes) : null,
            Section("post_processor") is { } postNode ? PostProcessorReader.Read(postNode) : PostProcessor.Identity,
            Section("decoder") is { } decoderNode ? DecoderReader.Read(decoderNode) : [new SpaceJoinDecoder()]);

        JsonNode? Section(string name) =>
            sections.TryGetValue(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null
                ? new JsonNode(value, source.File, name)
                : null;
    }
}
