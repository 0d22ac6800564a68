using KServePaged.Gpu;
using KServePaged.Gpu.Engine;
using KServePaged.Gpu.Report;

// Two commands of eng/gpu/check: the engine's figures on a device, and the report of all its sections.
const string Usage = """
    Gpu engine [device=cuda] [models=8B,1B,0.6B|tiny] [streams=1,8,64,256] [seconds=600] [copy=GB/S] [products=TFLOP/S] [work=FOLDER]
        One line of JSON a measurement. copy and products are the device's ceilings; without them there are no shares.
    Gpu report FOLDER
        Writes result.json and result.md from what eng/gpu/check left in the folder.
    """;
try
{
    switch (args)
    {
        case ["engine", .. var given]:
            await new EngineBench(EngineBenchOptions.Parse(given), Console.Out).RunAsync();
            return 0;
        case ["report", var folder]:
            ResultWriter.Write(folder);
            return 0;
        default:
            throw new UsageException("which command?");
    }
}
catch (InvalidDataException e) // the device or its memory, or a file of check's
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
catch (UsageException e)
{
    Console.Error.WriteLine($"{e.Message}\n\n{Usage}");
    return 2;
}
