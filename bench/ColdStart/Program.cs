using System.Globalization;
using KServePaged.ColdStart;

// How long from exec to the first token that a client has in its hands. Servers take turns, so that the machine's noise hits all of them.
const int Runs = 10;
ServerStart[] servers = [.. args.Select(ServerStart.Parse)];
if (servers.Length == 0)
{
    Console.Error.WriteLine("ColdStart NAME=COMMAND...: the commands contain {port}; see bench/README.md");
    return 2;
}
var seconds = servers.ToDictionary(server => server, _ => new List<double>());
for (int run = -1; run < Runs; run++)
{
    foreach (ServerStart server in servers)
    {
        double elapsed = await server.MeasureAsync();
        if (run >= 0) // the first one warms the page cache
        {
            seconds[server].Add(elapsed);
        }
    }
}
Console.WriteLine($"{Runs} starts each, in turn; load average {File.ReadAllText("/proc/loadavg").Trim()}");
foreach ((ServerStart server, List<double> measured) in seconds)
{
    double[] sorted = [.. measured.Order()];
    double median = (sorted[(Runs - 1) / 2] + sorted[Runs / 2]) / 2;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{server.Name}: median {median:0.000} s, {sorted[0]:0.000} to {sorted[^1]:0.000}"));
}
return 0;
