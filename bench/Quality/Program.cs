using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Quality;

// What quantized weights and caches cost in quality, against full precision. With a document's path the table is written into it.
string root = CheckoutRoot();
string shared = Environment.GetEnvironmentVariable("KSERVEPAGED_SHARED") ?? Path.Combine(root, "..", "shared");
string demo = Path.Combine(root, "models", "demo");
string stories = Path.Combine(shared, "data", "models", "stories260K");
string heldOut = File.ReadAllText(Path.Combine(root, "eng", "demo-model", "held_out.txt"));
string tales = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "stories.txt"));

if (args.Length > 0 && !Directory.Exists(stories))
{
    Console.Error.WriteLine($"{args[0]} would lose its table of stories260K: there is no {stories}; KSERVEPAGED_SHARED names the reference data");
    return 1;
}
var table = new QualityTable();
await AddAsync("Demo model (2.9 M parameters), answers of `eng/demo-model/held_out.txt`", demo, codec => ScoredText.Conversations(codec, heldOut));
if (Directory.Exists(stories))
{
    await AddAsync("stories260K, `bench/Quality/stories.txt`", stories, codec => ScoredText.Plain(codec, tales));
}
else
{
    Console.Error.WriteLine($"without stories260K: there is no {stories}");
}
Console.WriteLine(table);
if (args is [var document])
{
    table.WriteInto(document);
}
return 0;

async Task AddAsync(string title, string model, Func<ITextCodec, IEnumerable<ScoredText>> texts)
{
    int vocabulary = VocabularyOf(model);
    List<ScoredToken> full = await Scorer.ScoreAsync(model, vocabulary, Setting.Full, texts);
    table.AddModel($"{title}: {full.Count} tokens");
    table.Add(Setting.Full.Options, QualityFigures.Compare(full, full));
    foreach (Setting setting in Setting.Compared)
    {
        try
        {
            table.Add(setting.Options, QualityFigures.Compare(full, await Scorer.ScoreAsync(model, vocabulary, setting, texts)));
        }
        catch (InvalidDataException e)
        {
            table.AddRefusal(setting.Options, e.Message); // it does not fit this checkpoint
        }
    }
}

static int VocabularyOf(string model)
{
    using JsonDocument config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(model, "config.json")));
    return config.RootElement.GetProperty("vocab_size").GetInt32();
}

static string CheckoutRoot()
{
    for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
    {
        if (File.Exists(Path.Combine(at.FullName, "KServePaged.sln")))
        {
            return at.FullName;
        }
    }
    throw new InvalidOperationException("the benchmarks run from a checkout: no KServePaged.sln above the program");
}
