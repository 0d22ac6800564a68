using System.Globalization;
using System.Text;
using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Transport;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace KServePaged.Predictor.Hosting;

/// <summary>Tells people how loading goes: one moving line on a terminal, log lines elsewhere (a stage, and every 15 s within one), a curl line when ready.</summary>
internal sealed class LoadReporter(ServerOptions options, IServer server, ILoggerFactory loggers, TimeProvider clock, TextWriter output, TlsCertificate? certificate = null)
{
    private static readonly TimeSpan Redraw = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Relog = TimeSpan.FromSeconds(15);

    private readonly HostingLog _log = new(loggers.CreateLogger("KServePaged.Hosting"));
    private readonly bool _terminal = !Console.IsErrorRedirected;
    private readonly Lock _gate = new();
    private string _stage = "";
    private long _drawnAt;

    /// <summary>Where the loader reports to. Reports arrive on its threads, one at a time.</summary>
    public IProgress<LoadProgress> For(ServedModel model) => new Progress(this, model);

    public void Ready(ServedModel model, TimeSpan elapsed)
    {
        Erase();
        if (model is LanguageModel { LoadedEngine.Model: { } info })
        {
            _log.Ready(
                model.Name, elapsed.TotalSeconds, Port(), info.Architecture, info.ParameterCount, info.DType, info.MaxModelLength, info.BlockCount, info.BlockTokens);
        }
        else
        {
            _log.Ready(model.Name, elapsed.TotalSeconds);
        }
    }

    /// <summary>Everything the process was started with is loaded: a command to try the first model with.</summary>
    public void Serving(IReadOnlyList<ServedModel> models)
    {
        if (models.OfType<LanguageModel>().FirstOrDefault(model => model.LoadedEngine is not null) is { } first)
        {
            output.WriteLine(CurlLine(first.LoadedEngine!.Model, models.Count > 1 ? first.Name : null, Address(), options.ApiKeys.Count > 0, certificate?.IsTrustedFor(Host().Trim('[', ']')) == false));
            output.Flush();
        }
    }

    /// <summary>Removes the moving line before something else is said.</summary>
    public void Erase()
    {
        if (_terminal)
        {
            Console.Error.Write("\r\u001b[K");
        }
    }

    /// <summary>A command that works as it stands (with keys: once $VLLM_API_KEY holds one).</summary>
    /// <param name="name">Named in the request; null where there is no choice.</param>
    /// <param name="address">Scheme, host and port.</param>
    /// <param name="untrusted">The certificate is not one that curl accepts unasked.</param>
    public static string CurlLine(ModelInfo model, string? name, string address, bool withKey, bool untrusted)
    {
        (string route, string body) = model switch
        {
            { HasTokenizer: false } => ("completions", """{"prompt":[0],"max_tokens":16,"return_token_ids":true}"""),
            { HasChatTemplate: false } => ("completions", """{"prompt":"Once upon a time","max_tokens":64}"""),
            _ => ("chat/completions", """{"messages":[{"role":"user","content":"Hello! Who are you?"}]}"""),
        };
        body = name is null ? body : $$"""{"model":"{{name}}",{{body[1..]}}""";
        string key = withKey ? " -H \"Authorization: Bearer $VLLM_API_KEY\"" : "";
        return $"curl{(untrusted ? " -k" : "")} {address}/v1/{route} -H 'Content-Type: application/json'{key} -d '{body}'";
    }

    private void Report(ServedModel model, LoadProgress progress)
    {
        HealthReport report = model.Health.Loading(progress);
        lock (_gate)
        {
            bool changed = report.Stage != _stage;
            _stage = report.Stage;
            if (!_terminal)
            {
                if (changed || (report.BytesTotal > 0 && clock.GetElapsedTime(_drawnAt) >= Relog))
                {
                    _drawnAt = clock.GetTimestamp();
                    _log.Loading(model.Name, ServedModel.Describe(report));
                }
            }
            else if (changed || clock.GetElapsedTime(_drawnAt) >= Redraw)
            {
                _drawnAt = clock.GetTimestamp();
                Console.Error.Write(Line(report) + '\r'); // a log line then writes over it
            }
        }
    }

    private static string Line(HealthReport report)
    {
        var text = new StringBuilder("\r\u001b[K").Append(report.Stage);
        if (report.BytesTotal > 0)
        {
            int filled = (int)Math.Clamp(20 * report.BytesDone / report.BytesTotal, 0, 20);
            text.Append(CultureInfo.InvariantCulture, $" [{new string('#', filled)}{new string('.', 20 - filled)}] ")
                .Append(CultureInfo.InvariantCulture, $"{report.BytesDone / 1e6:0} of {report.BytesTotal / 1e6:0} MB");
        }
        return report.Remaining is { TotalSeconds: >= 1 } remaining
            ? text.Append(CultureInfo.InvariantCulture, $", {remaining.TotalSeconds:0} s left").ToString()
            : text.ToString();
    }

    private string Address() => $"{(certificate is null ? "http" : "https")}://{Host()}:{Port()}";

    private string Host() => options.Host switch
    {
        "localhost" => certificate is null ? "127.0.0.1" : "localhost", // certificates are for names
        "*" or "0.0.0.0" or "::" => "127.0.0.1",
        { } host => host.Contains(':') ? $"[{host}]" : host,
        null => throw new InvalidOperationException("the command line leaves no host open"),
    };

    private int Port() =>
        server.Features.Get<IServerAddressesFeature>()?.Addresses.Select(address => BindingAddress.Parse(address).Port).FirstOrDefault(options.Port) ?? options.Port;

    private sealed class Progress(LoadReporter reporter, ServedModel model) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => reporter.Report(model, value);
    }
}
