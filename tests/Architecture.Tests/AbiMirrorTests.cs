using System.Text.RegularExpressions;

namespace KServePaged.Architecture.Tests;

/// <summary>One kernel, one name, in every mirror: header, implementation, managed table, test. What is missing is named by its path.</summary>
public sealed partial class AbiMirrorTests
{
    private static readonly SourceFile[] Headers = [.. SourceTree.Files("native/kernels/include/kp", ".h")];

    private static string[] Functions => [.. Headers.SelectMany(header => Declaration().Matches(header.Text)).Select(m => m.Groups[1].Value)];

    [Fact]
    public void Headers_DeclareFunctions() => Assert.True(Functions.Length > 20, "the header pattern no longer matches the headers");

    [Fact]
    public void EveryFunction_IsImplementedForTheCpu()
    {
        string code = string.Concat(SourceTree.Files("native/kernels", ".cpp").Select(file => file.Code));
        Assert.Empty(Functions.Where(f => !Regex.IsMatch(code, $@"\b{f}\(")).Select(f => $"native/kernels/cpu: no definition of {f}"));
    }

    /// <summary>What every library must define, by the header that says so.</summary>
    [Fact]
    public void EveryLibrary_DefinesItsBackend()
    {
        string seam = SourceTree.Files("native/kernels/abi", ".h").Single(file => file.Path.EndsWith("/backend.h", StringComparison.Ordinal)).Code;
        string[] functions = [.. BackendFunction().Matches(seam).Select(match => match.Groups[1].Value)];
        Assert.True(functions.Length > 15, "the backend pattern no longer matches abi/backend.h");
        foreach ((string library, string extension) in new[] { ("cpu", ".cpp"), ("cuda", ".cu") })
        {
            string code = string.Concat(SourceTree.Files($"native/kernels/{library}", extension).Select(file => file.Code));
            Assert.Empty(functions.Where(f => !Regex.IsMatch(code, $@"\b{f}\(")).Select(f => $"native/kernels/{library}: no definition of {f}"));
        }
    }

    /// <summary>A kernel has a file of its name in both libraries; only those of one have more parts.</summary>
    [Fact]
    public void EveryCpuKernel_HasItsCudaFile()
    {
        string list = Regex.Match(File.ReadAllText(Path.Combine(SourceTree.Root, "native/kernels/CMakeLists.txt")), @"set\(KP_CPU_KERNELS ([^)]+)\)").Groups[1].Value;
        string[] kernels = list.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        Assert.True(kernels.Length > 8, "the list of kernels is no longer found in CMakeLists.txt");
        var cuda = SourceTree.Files("native/kernels/cuda", ".cu").Select(file => Path.GetFileNameWithoutExtension(file.Path)).ToHashSet();
        Assert.Empty(kernels.Where(kernel => !cuda.Contains(kernel)).Select(kernel => $"native/kernels/cuda/{kernel}.cu is missing"));
    }

    [Fact]
    public void EveryFunction_IsInTheManagedTable()
    {
        string code = string.Concat(SourceTree.Files("src/Engine/Kernels", ".cs").Where(f => f.Path.Contains("/NativeKernels")).Select(f => f.Code));
        Assert.Empty(Functions.Where(f => !Regex.IsMatch(code, $@"\b{f}\b")).Select(f => $"src/Engine/Kernels/NativeKernels.<Family>.cs: no {f}"));
    }

    [Fact]
    public void TheManagedTable_NamesNothingElse()
    {
        var known = Functions.ToHashSet();
        Assert.Empty(
            from file in SourceTree.Files("src/Engine/Kernels", ".cs")
            from Match match in FunctionName().Matches(file.Code)
            where !known.Contains(match.Value)
            select $"{file}: {match.Value} is declared in no header");
    }

    [Fact]
    public void EveryHeader_HasAKernelTest()
    {
        string tests = string.Concat(SourceTree.Files("tests/Kernels.Tests", ".cs").Select(file => file.Text));
        Assert.NotEmpty(tests);
        foreach (string family in new[] { "linear", "embedding", "rms_norm", "layer_norm", "gated_activation", "rope", "paged_attention", "sample" })
        {
            string pascal = string.Concat(family.Split('_').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));
            Assert.True(
                SourceTree.Files("tests/Kernels.Tests", ".cs").Any(f => Path.GetFileName(f.Path).StartsWith(pascal, StringComparison.Ordinal)),
                $"tests/Kernels.Tests/{pascal}*Tests.cs is missing");
        }
    }

    [GeneratedRegex(@"KP_API\s+[\w\s\*]*?\b(kp_\w+)\(")]
    private static partial Regex Declaration();

    [GeneratedRegex(@"^(?:[\w:]+(?:\s|\s?[*&]\s?))+(\w+)\(", RegexOptions.Multiline)]
    private static partial Regex BackendFunction();

    [GeneratedRegex(@"\bkp_\w+\b")]
    private static partial Regex FunctionName();
}
