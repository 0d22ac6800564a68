namespace KServePaged.Predictor.Hosting;

/// <summary>The file from which Kubernetes shows why a container ended. Absent outside of it.</summary>
internal static class TerminationMessage
{
    private const string Path = "/dev/termination-log";

    public static void Write(string line)
    {
        if (!File.Exists(Path))
        {
            return;
        }
        try
        {
            File.WriteAllText(Path, line + Environment.NewLine);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"{Path} cannot be written: {e.Message}"); // the log has the message itself
        }
    }
}
