namespace KServePaged.Predictor.Hosting;

/// <summary>Log messages of a process's life. Event ids 1100….</summary>
internal sealed partial class HostingLog(ILogger logger)
{
    [LoggerMessage(1100, LogLevel.Information, "{Product} {Version}, settings: {Settings}")]
    public partial void Starting(string product, string version, string settings);

    [LoggerMessage(1101, LogLevel.Warning, "{Note}")]
    public partial void OptionNote(string note);

    [LoggerMessage(1102, LogLevel.Information, "Loading {Model}: {Progress}")]
    public partial void Loading(string model, string progress);

    [LoggerMessage(1103, LogLevel.Information, "{Model} is ready after {Seconds:0.0} s on port {Port}: {Architecture}, {Parameters} parameters, {DType}, context {MaxModelLength}, cache {BlockCount} blocks of {BlockTokens}")]
    public partial void Ready(
        string model, double seconds, int port, string architecture, long parameters, string dType, int maxModelLength, int blockCount, int blockTokens);

    [LoggerMessage(1104, LogLevel.Error, "The model {Model} could not be loaded: {Message}")]
    public partial void LoadFailed(string model, string message, Exception? e);

    [LoggerMessage(1105, LogLevel.Information, "Loading was cancelled by a shutdown")]
    public partial void LoadCancelled();

    [LoggerMessage(1106, LogLevel.Information, "Draining: {Sequences} sequences may take up to {Seconds} s to end")]
    public partial void Draining(int sequences, double seconds);

    [LoggerMessage(1107, LogLevel.Warning, "The shutdown timeout has passed; {Sequences} sequences are cut")]
    public partial void DrainCutShort(int sequences);

    [LoggerMessage(1108, LogLevel.Information, "{Model} is unloaded")]
    public partial void Unloaded(string model);

    [LoggerMessage(1110, LogLevel.Information, "Leaving: not ready any more; requests are taken for another {Seconds} s")]
    public partial void Leaving(double seconds);

    [LoggerMessage(1111, LogLevel.Information, "Requests to {Route} go to {Stable}; candidate {Candidate} with {Percent} %")]
    public partial void Variants(string route, string stable, string candidate, int percent);

    [LoggerMessage(1112, LogLevel.Critical, "{Message} This process ends in {Seconds} s with exit code {Code}; until then it refuses requests and fails its probes")]
    public partial void EngineFailed(string message, double seconds, int code);

    [LoggerMessage(1109, LogLevel.Information, "{Model} is ready after {Seconds:0.0} s")]
    public partial void Ready(string model, double seconds);
}
