namespace KServePaged.Predictor.Hosting;

internal static class ExitCodes
{
    /// <summary>The model could not be loaded, or the port could not be opened.</summary>
    public const int LoadFailed = 1;

    /// <summary>An option cannot be followed.</summary>
    public const int Usage = 2;

    /// <summary>An engine failed while it served: its device, or a fault of ours. Only a new process helps.</summary>
    public const int EngineFailed = 3;
}
