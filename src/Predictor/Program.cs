using KServePaged.Engine;
using KServePaged.Predictor;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Hosting;

ServerEnvironment environment = ServerEnvironment.Read();
try
{
    switch (CommandLine.Parse(args, environment))
    {
        case CommandLineResult.Help:
            Console.Out.Write(HelpText.Terminal());
            return 0;
        case CommandLineResult.Version:
            Console.Out.WriteLine($"{ProductInfo.Name} {ProductInfo.Version}");
            return 0;
        case CommandLineResult.Drain drain:
            await Task.Delay(drain.Delay);
            return 0;
        case CommandLineResult.Serve serve:
            return await ServerRun.RunAsync(serve, LlmEngine.LoadAsync);
        default:
            throw new InvalidOperationException("a result of the command line that nobody handles");
    }
}
catch (UsageException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    TerminationMessage.Write(environment.TerminationMessagePath, e.Message);
    return ExitCodes.Usage;
}
