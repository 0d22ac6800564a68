using System.Diagnostics;

namespace KServePaged.Kernels.Tests.Abi;

/// <summary>The C headers of this checkout, read as text or asked through a compiler.</summary>
internal static class CHeaders
{
    public static string IncludeDirectory { get; } = Path.Combine(FindRoot(), "native", "kernels", "include");

    public static string Text(string family) => File.ReadAllText(Path.Combine(IncludeDirectory, "kp", family));

    public static string[] Families { get; } =
        [.. Directory.GetFiles(Path.Combine(IncludeDirectory, "kp"), "*.h").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    /// <summary>Compiles and runs a C++ program that prints one integer for each expression.</summary>
    public static long[] Evaluate(IReadOnlyList<string> expressions)
    {
        string directory = Directory.CreateTempSubdirectory("kp-abi").FullName;
        try
        {
            string program = Path.Combine(directory, "abi");
            string includes = string.Concat(Families.Select(family => $"#include \"kp/{family}\"\n"));
            string prints = string.Concat(expressions.Select(expression => $"  printf(\"%lld\\n\", (long long)({expression}));\n"));
            File.WriteAllText($"{program}.cpp", $"#include <cstdio>\n{includes}int main() {{\n{prints}}}\n");
            Compile($"{program}.cpp", program);
            return [.. Run(program).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse)];
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    public static void Compile(string source, string program)
    {
        string compiler = Environment.GetEnvironmentVariable("CXX") is { Length: > 0 } set ? set : "c++";
        Run(compiler, "-std=c++20", "-I", IncludeDirectory, "-I", Path.GetDirectoryName(IncludeDirectory)!, "-o", program, source);
    }

    public static string Run(string file, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{file}: {errors.Result}");
        return output;
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "KServePaged.sln")))
            {
                return at.FullName;
            }
        }
        throw new InvalidOperationException("No KServePaged.sln above the test binary.");
    }
}
