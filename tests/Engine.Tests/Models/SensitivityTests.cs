using System.Text.Json.Nodes;
using KServePaged.Engine.Tests.Weights;

namespace KServePaged.Engine.Tests.Models;

/// <summary>
/// Each feature that sensitivity.json lists must move our results as it moves Hugging Face's: what is perturbed in the configuration or in
/// the weights must not be neutral by accident.
/// </summary>
public sealed class SensitivityTests
{
    public static TheoryData<string> Supported => GoldenCheckpoint.Supported;

    [Theory]
    [MemberData(nameof(Supported))]
    public void EveryListedFeature_MovesTheLogits(string name)
    {
        var golden = new GoldenCheckpoint(name);
        JsonObject sensitivity = JsonNode.Parse(File.ReadAllText(Path.Combine(golden.Directory, "sensitivity.json")))!.AsObject();
        double required = sensitivity["required_at_least"]!.GetValue<double>();
        foreach (var (feature, moved) in sensitivity["features"]!.AsObject())
        {
            using TemporaryDirectory directory = Perturbation.Apply(golden.Directory, feature);
            using var run = new ModelRun(directory.Path);

            double distance = Distance(golden, run);

            TestContext.Current.TestOutputHelper?.WriteLine($"{feature}: {distance:0.####}, Hugging Face {moved}");
            Assert.True(distance >= required, $"{feature} moves the logits by {distance}, at least {required} is needed");
            // Weights that were changed are rounded to their stored type again, which Hugging Face's were not.
            double expected = moved!.GetValue<double>();
            Assert.Equal(expected, distance, 0.03 * expected);
        }
    }

    private static double Distance(GoldenCheckpoint golden, ModelRun run)
    {
        Trace[] traces = run.Run(golden.Prompts, 0, new AloneSchedule());
        return traces.Select((trace, k) => golden.DistanceAtTheEnd(k, trace)).Append(golden.DistanceEverywhere(traces[2])).Max();
    }
}
