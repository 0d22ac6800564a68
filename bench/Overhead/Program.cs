using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using KServePaged.Overhead;

// What the protocols cost beside bare Kestrel on the same machine in the same run, and what a streamed token costs beside one that is not.
if (args is ["bare" or "reading", string port, string answerFile, string form])
{
    await BareServer.RunAsync(int.Parse(port, CultureInfo.InvariantCulture), await File.ReadAllBytesAsync(answerFile), form == "grpc", args[0] == "reading");
    return 0;
}
string server = args.Length > 0 ? args[0] : Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../../src/Predictor/bin/Release/net10.0/KServePaged.Predictor.dll"));
if (!File.Exists(server))
{
    Console.Error.WriteLine($"{server} does not exist: build the server with dotnet build -c Release, or name KServePaged.Predictor.dll");
    return 2;
}
int rounds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 5;
string part = args.Length > 2 ? args[2] : "all";
const int Port = 22080;
string scratch = Directory.CreateTempSubdirectory().FullName;
using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{Port}") };
using var ours = new ServerUnderLoad([server, $"--port={Port}", "--host=127.0.0.1", "--test_models", "--threads=1", "--log_level=warning"]);
await ours.WaitForAsync($"http://127.0.0.1:{Port}/health");

if (part is "all" or "rest")
{
    await CompareAsync("REST infer", "/v2/models/simple/infer", SimpleInfer.Json(), grpc: false, Port + 1);
}
if (part is "all" or "grpc")
{
    await CompareAsync("gRPC ModelInfer", "/inference.GRPCInferenceService/ModelInfer", SimpleInfer.Grpc(), grpc: true, Port + 3);
}
if (part is "all" or "streaming")
{
    await StreamingAsync("generate", "/v2/models/demo/generate", "/v2/models/demo/generate_stream", """{"text_input":"Hello","max_tokens":TOKENS,"ignore_eos":true}""");
    await StreamingAsync("completions", "/v1/completions", "/v1/completions", """{"model":"demo","prompt":"Hello","max_tokens":TOKENS,"ignore_eos":true,"stream":STREAM}""");
}
Directory.Delete(scratch, recursive: true);
return 0;

async Task CompareAsync(string name, string path, byte[] body, bool grpc, int barePort)
{
    string bodyFile = Path.Combine(scratch, "body"), answerFile = Path.Combine(scratch, "answer");
    await File.WriteAllBytesAsync(bodyFile, body);
    byte[] answer = await AnswerAsync(path, body, grpc);
    await File.WriteAllBytesAsync(answerFile, answer);
    string bench = typeof(BareServer).Assembly.Location, form = grpc ? "grpc" : "rest";
    using var bare = new ServerUnderLoad([bench, "bare", $"{barePort}", answerFile, form]);
    using var reading = new ServerUnderLoad([bench, "reading", $"{barePort + 1}", answerFile, form]);
    await Task.Delay(1500); // those for gRPC speak HTTP/2 only, which nothing here could ask
    Side[] sides =
    [
        new("bare Kestrel", bare, new Load($"http://127.0.0.1:{barePort}{path}", bodyFile, grpc)),
        new("Kestrel that reads", reading, new Load($"http://127.0.0.1:{barePort + 1}{path}", bodyFile, grpc)),
        new("ours", ours, new Load($"http://127.0.0.1:{Port}{path}", bodyFile, grpc)),
    ];
    for (int round = -1; round < rounds; round++)
    {
        foreach (Side side in sides)
        {
            TimeSpan before = side.Server.ProcessorTime;
            long answers = side.Load.Run(TimeSpan.FromSeconds(4), out double rate);
            if (round >= 0) // the first one compiles
            {
                side.Rates.Add(rate);
                side.Microseconds.Add((side.Server.ProcessorTime - before).TotalMicroseconds / answers);
            }
        }
    }
    foreach (Side side in sides)
    {
        double[] ratios = [.. side.Rates.Zip(sides[0].Rates, (own, reference) => own / reference)];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name}, {answer.Length} bytes, {side.Name}: {Median(side.Rates):0} requests/s, {Median(ratios):0.00} times bare ({ratios.Min():0.00} to {ratios.Max():0.00}), {Median(side.Microseconds):0.0} µs of the server's processor time"));
    }
}

async Task<byte[]> AnswerAsync(string path, byte[] body, bool grpc)
{
    using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
    if (grpc)
    {
        (request.Version, request.VersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.ParseAdd("trailers");
    }
    using HttpResponseMessage response = await http.SendAsync(request);
    byte[] answer = await response.Content.ReadAsByteArrayAsync();
    return response.IsSuccessStatusCode && answer.Length > 0
        ? answer
        : throw new InvalidOperationException($"{path} answered {(int)response.StatusCode} {Encoding.UTF8.GetString(answer)} {response.TrailingHeaders}");
}

// The engine's own work is the same in both, and runs on one thread that does not spin: what is left over is the streaming.
async Task StreamingAsync(string name, string wholePath, string streamPath, string template)
{
    // Sixteen at a time, so that a step of the engine is slow enough for each of its tokens to be an event of its own.
    const int Tokens = 400, Requests = 64, AtOnce = 16;
    List<double> whole = [], streamed = [];
    double events = 0;
    for (int round = -1; round < rounds; round++)
    {
        (double wholeTime, _) = await TimeAsync(wholePath, template, "false");
        (double streamTime, events) = await TimeAsync(streamPath, template, "true");
        if (round >= 0)
        {
            whole.Add(wholeTime);
            streamed.Add(streamTime);
        }
    }
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{name}: streaming adds {Median([.. streamed.Zip(whole, (a, b) => a - b)]) / events * 1e6:0.0} µs of processor time an event ({events / Requests:0} events a request; {Median(whole) / Tokens / Requests * 1e6:0.0} µs a token when not streamed, median of {rounds})"));

    async Task<(double Seconds, double Events)> TimeAsync(string path, string text, string stream)
    {
        TimeSpan before = ours.ProcessorTime;
        int seen = 0;
        await Parallel.ForAsync(0, Requests, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (_, cancel) =>
        {
            string body = text.Replace("TOKENS", $"{Tokens}", StringComparison.Ordinal).Replace("STREAM", stream, StringComparison.Ordinal);
            using var content = new StringContent(body, Encoding.UTF8, "application/json");
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
            using HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
            response.EnsureSuccessStatusCode();
            string answer = await response.Content.ReadAsStringAsync(cancel);
            Interlocked.Add(ref seen, answer.Split("data: ").Length - 1);
        });
        return ((ours.ProcessorTime - before).TotalSeconds, seen);
    }
}

static double Median(IReadOnlyList<double> values)
{
    double[] sorted = [.. values.Order()];
    return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
}
