using System.Text.RegularExpressions;

namespace KServePaged.Architecture.Tests;

/// <summary>The arrows of ARCHITECTURE.md §3: which room may name which. Read from the code itself, usings and qualified names alike.</summary>
public sealed partial class DependencyTests
{
    private static readonly string[] Leaves = ["Contracts", "Configuration", "Diagnostics"];

    // Room → rooms it may name, besides itself and the leaves. A room that is missing here fails the test: decide where it stands.
    private static readonly Dictionary<string, string[]> Engine = new()
    {
        ["Contracts"] = [],
        ["Configuration"] = [],
        ["Diagnostics"] = [],
        ["Kernels"] = [],
        ["Weights"] = ["Kernels"],
        ["Models"] = ["Weights", "Kernels"],
        ["StructuredOutput"] = [],
        ["Sampling"] = ["StructuredOutput", "Kernels"],
        ["KvCache"] = [],
        ["Scheduling"] = ["KvCache", "Sampling"],
        ["Execution"] = ["Scheduling", "KvCache", "Models", "Weights", "Sampling", "Kernels"],
        ["Core"] = ["Scheduling", "KvCache", "Execution", "Sampling"],
        ["Tokenization"] = [],
        ["ChatTemplates"] = [],
        ["Processing"] = ["Tokenization", "ChatTemplates", "Models"],
    };

    private static readonly Dictionary<string, string[]> Predictor = new()
    {
        ["Configuration"] = [],
        ["Errors"] = [],
        ["Transport"] = ["Errors"],
        ["Security"] = ["Configuration", "Errors"],
        ["Telemetry"] = ["Configuration", "Security"],
        ["Storage"] = ["Configuration"],
        ["InferenceLogging"] = ["Configuration", "Telemetry", "Transport"],
        ["Hosting"] = ["Configuration", "Storage", "Errors", "Telemetry", "Transport", "Security"],
        ["Generation"] = ["Transport"],
        ["Autoscaling"] = ["Errors", "Hosting", "Transport"],
        ["Protocols.OpenAI"] = ["Configuration", "Errors", "Hosting", "Transport", "Telemetry", "Generation"],
        ["Protocols.OpenInference"] = ["Configuration", "Errors", "Hosting", "Transport", "Telemetry", "Security", "Generation", "InferenceLogging"],
        ["Protocols.KServeV1"] = ["Configuration", "Errors", "Hosting", "Transport", "Telemetry", "Security", "Generation"],
    };

    [Fact]
    public void Engine_RoomsNameOnlyRoomsBelow() => Check("src/Engine", "Engine", Engine, Leaves);

    [Fact]
    public void Predictor_RoomsNameOnlyRoomsBelow() => Check("src/Predictor", "Predictor", Predictor, []);

    /// <summary>The deterministic core: it is model-checked and replayed, so nothing in it may ask the world.</summary>
    [Fact]
    public void SchedulingAndKvCache_KnowNoClockThreadRandomnessOrPointer()
    {
        string[] forbidden =
        [
            "DateTime", "TimeProvider", "Stopwatch", "Thread", "Task", "Random", "Guid", "File", "Console", "unsafe", "nint", "IntPtr", "lock",
            "async",
        ];
        var offences =
            from file in SourceTree.Files("src/Engine/Scheduling", ".cs").Concat(SourceTree.Files("src/Engine/KvCache", ".cs"))
            from word in forbidden
            where Regex.IsMatch(file.Code, $@"\b{word}\b")
            select $"{file}: {word}";
        Assert.Empty(offences);
    }

    [Fact]
    public void Predictor_SeesOnlyTheEnginesPublicRooms()
    {
        var offences =
            from file in SourceTree.Files("src/Predictor", ".cs")
            from room in RoomsNamed(file, "Engine")
            where room is not ("Contracts" or "Configuration" or "Diagnostics")
            select $"{file} names Engine.{room}";
        Assert.Empty(offences);
    }

    private static void Check(string folder, string assembly, Dictionary<string, string[]> table, string[] leaves)
    {
        var offences = new List<string>();
        foreach (SourceFile file in SourceTree.Files(folder, ".cs"))
        {
            string? room = RoomOf(file.Path[(folder.Length + 1)..]);
            if (room is null)
            {
                continue; // the root of the assembly sees every room
            }
            if (!table.TryGetValue(room, out string[]? allowed))
            {
                offences.Add($"{file}: the room {room} is in no dependency table");
                continue;
            }
            offences.AddRange(RoomsNamed(file, assembly)
                .Where(named => named != room && !allowed.Contains(named) && !leaves.Contains(named))
                .Select(named => $"{file}: {room} must not name {named}"));
        }
        Assert.Empty(offences.Distinct());
    }

    private static string? RoomOf(string relativePath)
    {
        string[] parts = relativePath.Split('/');
        return parts.Length == 1 ? null : parts[0] == "Protocols" ? $"Protocols.{parts[1]}" : parts[0];
    }

    private static IEnumerable<string> RoomsNamed(SourceFile file, string assembly) =>
        QualifiedName().Matches(file.Code)
            .Where(match => match.Groups["assembly"].Value == assembly)
            .Select(match => match.Groups["room"].Value == "Protocols"
                ? $"Protocols.{match.Groups["sub"].Value}"
                : match.Groups["room"].Value)
            .Where(room => Directory.Exists(Path.Combine(SourceTree.Root, "src", assembly, room.Replace('.', '/'))));

    [GeneratedRegex(@"\bKServePaged\.(?<assembly>Engine|Predictor)\.(?<room>\w+)(\.(?<sub>\w+))?")]
    private static partial Regex QualifiedName();
}
