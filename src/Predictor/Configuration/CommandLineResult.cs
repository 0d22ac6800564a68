namespace KServePaged.Predictor.Configuration;

/// <summary>What the arguments ask for.</summary>
internal abstract record CommandLineResult
{
    private CommandLineResult()
    {
    }

    internal sealed record Help : CommandLineResult;

    internal sealed record Version : CommandLineResult;

    /// <summary>
    /// A pod's preStop hook where there is no <c>sleep</c>: wait until balancers have taken the pod out, then let SIGTERM come.
    /// </summary>
    internal sealed record Drain(TimeSpan Delay) : CommandLineResult;

    /// <param name="Notes">One sentence for each option that was taken and has no effect; to be logged as warnings.</param>
    internal sealed record Serve(ServerOptions Options, IReadOnlyList<string> Notes) : CommandLineResult;
}
