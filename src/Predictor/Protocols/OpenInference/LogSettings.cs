using System.Text.Json;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>
/// Triton's log settings over one threshold: a switch that is turned on lowers it, one that is turned off raises it, and a verbose level sets it.
/// Switches that are not named follow. The file and the form are as they are.
/// </summary>
internal sealed class LogSettings(LogThreshold threshold) : ServerSettings
{
    private const string VerboseLevel = "log_verbose_level";
    private const string Format = "log_format";

    // One level above information for each degree of verbosity: debug, trace.
    private const int MostVerbose = LogLevel.Information - LogLevel.Trace;

    private static readonly Dictionary<string, LogLevel> Switches = new()
    {
        ["log_info"] = LogLevel.Information,
        ["log_warning"] = LogLevel.Warning,
        ["log_error"] = LogLevel.Error,
    };

    public override JsonElement Values => JsonBuild.Element(writer =>
    {
        LogLevel level = threshold.Level;
        writer.WriteStartObject();
        writer.WriteString("log_file", ""); // standard error
        foreach ((string name, LogLevel own) in Switches)
        {
            writer.WriteBoolean(name, level <= own);
        }
        writer.WriteNumber(VerboseLevel, Math.Max(0, LogLevel.Information - level));
        writer.WriteString(Format, "ISO8601");
        writer.WriteEndObject();
    });

    public override void Apply(IReadOnlyList<(string Name, IReadOnlyList<string>? Wanted)> changes)
    {
        LogLevel lowest = LogLevel.Trace;
        LogLevel highest = LogLevel.Critical;
        foreach ((string name, IReadOnlyList<string>? wanted) in changes)
        {
            if (Switches.TryGetValue(name, out LogLevel own))
            {
                bool on = wanted is null ? threshold.AtStart <= own : Flag(name, wanted);
                highest = on && own < highest ? own : highest;
                lowest = !on && own >= lowest ? own + 1 : lowest;
            }
            else if (name == VerboseLevel)
            {
                int verbose = wanted is null ? Math.Max(0, LogLevel.Information - threshold.AtStart) : Degree(wanted);
                LogLevel level = LogLevel.Information - verbose;
                lowest = level > lowest ? level : lowest;
                highest = verbose > 0 && level < highest ? level : highest;
            }
            else if (name != Format || wanted is not ["default"]) // what is written by default is ISO 8601
            {
                RequireUnchanged(name, wanted, "the log goes to standard error as it is");
            }
        }
        if (lowest > highest)
        {
            throw JsonFields.Invalid("the log has one threshold: what is more severe than something that is logged is logged as well.", changes[0].Name);
        }
        threshold.Level = (LogLevel)Math.Clamp((int)threshold.Level, (int)lowest, (int)highest);
    }

    private static bool Flag(string name, IReadOnlyList<string> wanted) => wanted is [{ } text] && bool.TryParse(text, out bool on)
        ? on
        : throw JsonFields.Invalid($"'{name}' must be true or false.", name);

    private static int Degree(IReadOnlyList<string> wanted) =>
        wanted is [{ } text] && int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int degree) && degree <= MostVerbose
            ? degree
            : throw JsonFields.Invalid($"'{VerboseLevel}' must be a number from 0 to {MostVerbose}.", VerboseLevel);
}
