namespace KServePaged.Predictor.Storage;

/// <summary>Log messages of getting models. Event ids 1200….</summary>
internal sealed partial class StorageLog(ILogger logger)
{
    [LoggerMessage(1200, LogLevel.Information, "{Model} at {Revision} is commit {Commit}; it is kept in {Path}")]
    public partial void Resolved(string model, string revision, string commit, string path);

    [LoggerMessage(1201, LogLevel.Information, "{Count} files, {Megabytes:0} MB, of which {Missing:0} MB are to be downloaded")]
    public partial void Downloading(int count, double megabytes, double missing);

    [LoggerMessage(1202, LogLevel.Warning, "{Reason} The next try is in {Seconds:0.0} s")]
    public partial void Retrying(string reason, double seconds);

    [LoggerMessage(1203, LogLevel.Warning, "{Reason} The cached commit {Commit} is served instead")]
    public partial void UsingCache(string reason, string commit);

    [LoggerMessage(1204, LogLevel.Information, "Another process downloads {File}; waiting for it")]
    public partial void WaitingForOther(string file);

    [LoggerMessage(1205, LogLevel.Warning, "{File} has the wrong checksum and is downloaded again")]
    public partial void WrongChecksum(string file);

    [LoggerMessage(1206, LogLevel.Warning, "{Endpoint} tells no checksum of {File}: only its size is checked")]
    public partial void NoChecksum(string endpoint, string file);
}
