using KServePaged.Serving;
using KServePaged.Serving.Report;

// Our server and a peer under the same load, in turn. docs/benchmarks.md says how to read the figures.
try
{
    BenchOptions options = BenchOptions.Parse(args);
    string root = CheckoutRoot();
    string work = Path.GetFullPath(options.Work ?? Path.Combine(root, "artifacts", "bench"));
    string results = Path.GetFullPath(options.Out ?? Path.Combine(root, "artifacts", "bench", "results"));
    Directory.CreateDirectory(results);
    var file = new ResultFile(Path.Combine(results, "results.jsonl"));
    bool whole = true;
    if (options.Measure)
    {
        if (options.Peer is null)
        {
            Console.Error.WriteLine("no --peer: our server runs alone");
        }
        whole = await new Bench(options, BenchParts.Build(options, root, work), file).RunAsync();
    }
    IReadOnlyList<RunResult> measured = file.Read();
    string report = MarkdownReport.Write(measured);
    File.WriteAllText(Path.Combine(results, "report.md"), report);
    Plots.Save(measured, results);
    Console.WriteLine(report);
    Console.Error.WriteLine($"results.jsonl, report.md and plots are in {results}");
    return whole ? 0 : 1;
}
catch (ArgumentException e)
{
    Console.Error.WriteLine($"{e.Message}\n\n{BenchOptions.Usage}");
    return 2;
}
catch (BenchException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
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
    throw new BenchException("the benchmarks run from a checkout: no KServePaged.sln above the program");
}
