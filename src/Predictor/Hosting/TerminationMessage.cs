namespace KServePaged.Predictor.Hosting;

/// <summary>The file from which Kubernetes shows why a container ended. Absent outside of it.</summary>
internal static class TerminationMessage
{
    public static void Write(string? path, string line)
    {
        if (!File.Exists(path))
        {
            return;
        }
        try
        {
            File.WriteAllText(path, line + Environment.NewLine);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"{path} cannot be written: {e.Message}"); // the log has the message itself
        }
    }
}
