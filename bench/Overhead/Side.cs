namespace KServePaged.Overhead;

/// <summary>One of the servers that are compared, and what was measured of it.</summary>
internal sealed record Side(string Name, ServerUnderLoad Server, Load Load)
{
    public List<double> Rates { get; } = [];

    public List<double> Microseconds { get; } = [];
}
