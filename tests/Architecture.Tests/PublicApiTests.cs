using System.Reflection;
using KServePaged.Engine;

namespace KServePaged.Architecture.Tests;

/// <summary>The engine's public types are the contract with the predictor: a new one is a decision, made here.</summary>
public sealed class PublicApiTests
{
    private static readonly string[] Expected =
    [
        "KServePaged.Engine.Configuration.EngineOptions",
        "KServePaged.Engine.Configuration.LoadProgress",
        "KServePaged.Engine.Contracts.EngineErrorCode",
        "KServePaged.Engine.Contracts.EngineStatistics",
        "KServePaged.Engine.Contracts.FinishReason",
        "KServePaged.Engine.Contracts.GenerationDelta",
        "KServePaged.Engine.Contracts.GenerationRequest",
        "KServePaged.Engine.Contracts.ITextCodec",
        "KServePaged.Engine.Contracts.ModelInfo",
        "KServePaged.Engine.Contracts.Prompt",
        "KServePaged.Engine.Contracts.RequestException",
        "KServePaged.Engine.Contracts.SamplingParameters",
        "KServePaged.Engine.Contracts.TokenLogprob",
        "KServePaged.Engine.Contracts.Usage",
        "KServePaged.Engine.ILlmEngine",
        "KServePaged.Engine.LlmEngine",
    ];

    [Fact]
    public void Engine_ExportsExactlyTheContract()
    {
        var exported = typeof(ILlmEngine).Assembly.GetExportedTypes().Where(type => !type.IsNested).Select(type => type.FullName!);
        Assert.Equal(Expected, exported.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Engine_ReferencesNoWebStack()
    {
        AssemblyName[] references = typeof(ILlmEngine).Assembly.GetReferencedAssemblies();
        Assert.DoesNotContain(references, name => name.Name!.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal));
    }
}
