using System.Text;
using KServePaged.Engine.Configuration;

namespace KServePaged.Predictor.Configuration;

/// <summary>The command line's table as <c>--help</c> prints it and as docs/command-line.md holds it.</summary>
internal static class HelpText
{
    private const int Column = 34;
    private const int Width = 110;

    private static readonly ServerOptions Initial = new() { Engine = new EngineOptions { ModelPath = "" } };

    public static string Terminal()
    {
        var text = new StringBuilder();
        text.AppendLine("Serves a language model over the OpenAI API and the Open Inference Protocol.").AppendLine()
            .AppendLine("  kservepaged                              the embedded demo model on http://127.0.0.1:8080")
            .AppendLine("  kservepaged --model_dir /mnt/models      a Hugging Face directory on every address, port 8080")
            .AppendLine("  kservepaged drain [SECONDS]              waits (10 s unless said), for the preStop hook of a pod").AppendLine()
            .AppendLine("Write _ or - within a name, = or a blank before a value, --x, --x false or --no-x for a switch.")
            .AppendLine("Where an option is given twice, the last one counts.");
        foreach (IGrouping<string, CommandLineOption> group in CommandLineTable.Shown.GroupBy(option => option.Group))
        {
            text.AppendLine().AppendLine(group.Key);
            foreach (CommandLineOption option in group)
            {
                AppendOption(text, option);
            }
        }
        return text.AppendLine().AppendLine("Other")
            .AppendLine("  -h, --help                      This text.").AppendLine("      --version                   The version.").ToString();
    }

    public static string Markdown()
    {
        var text = new StringBuilder();
        text.AppendLine("# Command line").AppendLine()
            .AppendLine("Made from the table in `src/Predictor/Configuration/CommandLineTable.cs`; a test keeps the two equal.").AppendLine()
            .AppendLine("`_` and `-` within a name are the same, a value follows after `=` or a blank, a switch is `--x`, `--x true|false` or `--no-x`.")
            .AppendLine("Where an option is given twice the last one counts: KServe puts an InferenceService's arguments after the runtime's.");
        foreach (IGrouping<string, CommandLineOption> group in CommandLineTable.Shown.GroupBy(option => option.Group))
        {
            text.AppendLine().AppendLine($"## {group.Key}").AppendLine().AppendLine("| option | value | default | |").AppendLine("|---|---|---|---|");
            foreach (CommandLineOption option in group)
            {
                string names = string.Join(", ", option.Names.Select(name => $"`--{name}`"));
                text.AppendLine($"| {names} | {Value(option)} | {Default(option) ?? "–"} | {option.Help.Replace("|", "\\|", StringComparison.Ordinal)} |");
            }
        }
        text.AppendLine().AppendLine("## Environment").AppendLine().AppendLine("| variable | |").AppendLine("|---|---|")
            .AppendLine("| `PORT` | default of `--port` (Knative sets it, and then no other port is accepted) |")
            .AppendLine("| `TERMINATION_MESSAGE_PATH` | the pod's `terminationMessagePath` where it is not `/dev/termination-log` |")
            .AppendLine("| `INFERENCE_SERVICE_NAME` | default of `--model_name` (KServe sets it) |")
            .AppendLine("| `VLLM_API_KEY` | default of `--api_key` |")
            .AppendLine("| `MODEL_INIT_MODE` | `async`: the model directory may appear up to ten minutes after the start (KServe's modelcar) |")
            .AppendLine("| `HF_TOKEN` | token for private and gated models of `--model_id`; else it is read from the file `HF_TOKEN_PATH`, else from `token` in `HF_HOME` |")
            .AppendLine("| `HF_ENDPOINT` | address of a mirror to download from instead of the Hub |")
            .AppendLine("| `HF_HOME`, `HF_HUB_CACHE` | where downloads are kept: `hub` in `HF_HOME`, or `HF_HUB_CACHE`. Default: `huggingface` in `XDG_CACHE_HOME` or `~/.cache`; in Kubernetes in the directory for temporary files |")
            .AppendLine("| `HF_HUB_OFFLINE` | `1`: nothing is downloaded, `--model_id` is served from the cache |")
            .AppendLine("| `HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE` | how the Hub is reached: proxy, exceptions from it, further certificate authorities |")
            .AppendLine("| `CE_MERGE`, `CE_TYPE`, `CE_SOURCE` | events that answer CloudEvents: `true` gives the request's other attributes back; type and source instead of KServe's |")
            .AppendLine("| `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` | collector of traces where `--otlp_traces_endpoint` names none |")
            .AppendLine("| `OTEL_EXPORTER_OTLP_PROTOCOL`, `OTEL_EXPORTER_OTLP_HEADERS` (also with `_TRACES_`) | `grpc` or `http/protobuf`; headers for the collector |")
            .AppendLine("| `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | who the traces are of; default `INFERENCE_SERVICE_NAME`, else `kservepaged` |")
            .AppendLine("| `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | `always_on`, `always_off` or `traceidratio`, each also as `parentbased_…`; default `parentbased_always_on` |")
            .AppendLine("| `OTEL_SDK_DISABLED=true`, `OTEL_TRACES_EXPORTER=none` | no traces |")
            .AppendLine("| `POD_NAMESPACE` | attribute `namespace` of the inference log; default that of the service account |")
            .AppendLine("| `KUBERNETES_SERVICE_HOST` | its presence makes the demo model listen on every address |").AppendLine()
            .AppendLine("## Options of vLLM and KServe's server without effect").AppendLine()
            .AppendLine("Taken with a warning, so that existing manifests start. Where values are named, any other stops the start.").AppendLine()
            .AppendLine("| option | values | why |").AppendLine("|---|---|---|");
        foreach (ForeignOption option in ForeignOption.All)
        {
            text.AppendLine($"| `--{option.Name}` | {(option.Allowed is null ? "any" : string.Join(", ", option.Allowed))} | {option.Because} |");
        }
        return text.ToString();
    }

    /// <summary>The effective settings in one line, keys left out.</summary>
    public static string Settings(ServerOptions options) => string.Join(' ',
        CommandLineTable.Options.Select(option => (option.Name, Value: option.Show(options)))
            .Where(setting => !string.IsNullOrEmpty(setting.Value)).Select(setting => $"{setting.Name}={setting.Value}"));

    private static void AppendOption(StringBuilder text, CommandLineOption option)
    {
        string names = "      " + string.Join(", ", option.Names.Select(name => $"--{name}")) + (option.Value.Length > 0 ? " " + option.Value : "");
        string help = option.Help + (Default(option) is { } value && !option.Help.Contains("Default:", StringComparison.Ordinal) ? $" [{value}]" : "");
        if (names.Length > Column - 2)
        {
            text.AppendLine(names);
            names = "";
        }
        text.Append(names.PadRight(Column));
        int at = Column;
        foreach (string word in help.Split(' '))
        {
            if (at + word.Length > Width)
            {
                text.Length--;
                text.AppendLine().Append(' ', Column);
                at = Column;
            }
            text.Append(word).Append(' ');
            at += word.Length + 1;
        }
        text.Length--;
        text.AppendLine();
    }

    private static string Value(CommandLineOption option) => option.Arity == OptionArity.Switch ? "true, false" : option.Value;

    private static string? Default(CommandLineOption option) => option.Show(Initial) is { Length: > 0 } value ? value : null;
}
