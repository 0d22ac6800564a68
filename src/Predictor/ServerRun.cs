using System.Net.Sockets;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Hosting;
using Microsoft.AspNetCore.Connections;

namespace KServePaged.Predictor;

/// <summary>One run of the server, from the first log line to the exit code.</summary>
internal static class ServerRun
{
    public static async Task<int> RunAsync(CommandLineResult.Serve serve, EngineLoader load)
    {
        await using WebApplication app = PredictorApplication.Build(serve.Options, load, Console.Out);
        var log = new HostingLog(app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("KServePaged.Hosting"));
        log.Starting(ProductInfo.Name, ProductInfo.Version, HelpText.Settings(serve.Options));
        foreach (string note in serve.Notes)
        {
            log.OptionNote(note);
        }
        try
        {
            await app.RunAsync().ConfigureAwait(false);
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            throw new UsageException(ServerPorts.Taken(serve.Options, e.Message));
        }
        catch (SocketException e) // only listening throws these: a connection's own end with it
        {
            throw new UsageException(ServerPorts.Refused(serve.Options, e));
        }
        return Environment.ExitCode;
    }
}
