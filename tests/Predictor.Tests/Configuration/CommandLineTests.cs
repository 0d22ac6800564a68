using KServePaged.Engine.Configuration;
using KServePaged.Predictor.Configuration;
using KServePaged.TestSupport;

namespace KServePaged.Predictor.Tests.Configuration;

public sealed class CommandLineTests
{
    private static readonly ServerEnvironment NoEnvironment = new();

    [Theory]
    [InlineData("--model_dir /m --max_num_seqs 7")]
    [InlineData("--model-dir /m --max-num-seqs 7")]
    [InlineData("--model=/m --max-num_seqs=7")]
    [InlineData("--model_dir=/x --max_num_seqs=abc --model-dir /m --max-num-seqs=7")]
    public void Parse_EverySpelling_MeansTheSame(string line)
    {
        ServerOptions options = Serve(line).Options;
        Assert.Equal("/m", options.Engine.ModelPath);
        Assert.Equal(7, options.Engine.MaxSequences);
    }

    [Theory]
    [InlineData("--enable_prefix_caching", true)]
    [InlineData("--enable-prefix-caching true", true)]
    [InlineData("--enable-prefix-caching=False", false)]
    [InlineData("--enable-prefix-caching 0", false)]
    [InlineData("--no-enable-prefix-caching", false)]
    [InlineData("--no_enable_prefix_caching", false)]
    [InlineData("--no-enable-prefix-caching --enable-prefix-caching", true)]
    [InlineData("--enable-prefix-caching --no-enable-prefix-caching", false)]
    [InlineData("--enable-prefix-caching --port 9", true)]
    public void Parse_Switch_TakesEveryForm(string line, bool expected) =>
        Assert.Equal(expected, Serve("--model /m " + line).Options.Engine.EnablePrefixCaching);

    [Theory]
    [InlineData("--max_model_len 32k", 32_000)]
    [InlineData("--max_model_len 4K", 4096)]
    [InlineData("--max_model_len auto", null)]
    [InlineData("--max_model_len -1", null)]
    public void Parse_TokenCount_TakesSuffixes(string line, int? expected) =>
        Assert.Equal(expected, Serve("--model /m " + line).Options.Engine.MaxModelLength);

    [Fact]
    public void Parse_Drain_WaitsTenSecondsUnlessTold()
    {
        Assert.Equal(new CommandLineResult.Drain(TimeSpan.FromSeconds(10)), CommandLine.Parse(["drain"], NoEnvironment));
        Assert.Equal(new CommandLineResult.Drain(TimeSpan.FromSeconds(2.5)), CommandLine.Parse(["drain", "2.5"], NoEnvironment));
        Assert.Contains("drain 'soon' cannot be used", Assert.Throws<UsageException>(() => CommandLine.Parse(["drain", "soon"], NoEnvironment)).Message);
    }

    [Fact]
    public void Parse_ShutdownDelay_IsFiveSecondsInKubernetesUnlessGiven()
    {
        var kubernetes = new ServerEnvironment { InKubernetes = true };
        Assert.Equal(TimeSpan.Zero, Serve("--model /m").Options.ShutdownDelay);
        Assert.Equal(TimeSpan.FromSeconds(5), Serve("--model /m", kubernetes).Options.ShutdownDelay);
        Assert.Equal(TimeSpan.FromSeconds(5), Serve("--model_repository /r", kubernetes).Options.ShutdownDelay);
        Assert.Equal(TimeSpan.Zero, Serve("--model /m --shutdown_delay 0", kubernetes).Options.ShutdownDelay);
    }

    [Fact]
    public void Parse_Repository_NeedsNoModelAndNamesNone()
    {
        ServerOptions options = Serve("--model_repository /r").Options;
        Assert.Equal(("/r", false, false, null), (options.RepositoryPath, options.HasOwnModel, options.IsDemo, options.LoadModels));
        Assert.Empty(options.ModelNames);
        Assert.Equal("*", options.Host);
        Assert.Equal(["a", "b"], Serve("--model_repository /r --load_model a b").Options.LoadModels);
        Assert.Empty(Serve("--model_repository /r --load-model none").Options.LoadModels!);
        Assert.Null(Serve("--model_repository /r --load-model a --load-model all").Options.LoadModels);
        Assert.Equal(["m"], Serve("--model_repository /r --model_dir /x/m").Options.ModelNames);
        Assert.Contains("--model_name names the model of --model_dir", Assert.Throws<UsageException>(() => Serve("--model_repository /r --model_name x")).Message);
        Assert.Contains("which is not given", Assert.Throws<UsageException>(() => Serve("--model_dir /m --load_model x")).Message);
    }

    [Theory]
    [InlineData("8GiB", 8L << 30)]
    [InlineData("1.5Gi", 3L << 29)]
    [InlineData("512MiB", 512L << 20)]
    [InlineData("2GB", 2_000_000_000L)]
    [InlineData("64k", 64_000L)]
    [InlineData("1000", 1000L)]
    public void Parse_Size_TakesBinaryAndDecimalUnits(string text, long bytes) =>
        Assert.Equal(bytes, Serve("--model /m --kv_cache_memory " + text).Options.Engine.KvCacheBytes);

    [Fact]
    public void Parse_SeveralValues_EndAtTheNextOptionAndAreReplacedByALaterOccurrence()
    {
        ServerOptions options = Serve("--served-model-name a b --api-key k1 k2 --model_name c org/d --model /m --api_key=k3").Options;
        Assert.Equal(["c", "org/d"], options.ModelNames);
        Assert.Equal(["k3"], options.ApiKeys);
    }

    [Theory]
    [InlineData("--max_num_seq 3", "There is no option --max_num_seq. Did you mean --max_num_seqs?")]
    [InlineData("--frobnicate", "There is no option --frobnicate. --help lists all.")]
    [InlineData("--port 70000", "--port '70000' cannot be used: it takes a whole number from 0 to 65535.")]
    [InlineData("--port", "--port needs a value.")]
    [InlineData("--port --host ::", "--port needs a value.")]
    [InlineData("--model_name=", "--model_name needs a value.")]
    [InlineData("--dtype int3", "--dtype 'int3' cannot be used: it takes one of auto, float32, bfloat16, float16.")]
    [InlineData("--kv_cache_dtype int3", "--kv_cache_dtype 'int3' cannot be used: it takes one of auto, float32, bfloat16, float16, int8.")]
    [InlineData("--kv_cache_dtype fp8_e5m2", "--kv_cache_dtype 'fp8_e5m2' cannot be used: it takes one of auto, float32, bfloat16, float16, int8; 8-bit floats are not supported.")]
    [InlineData("--isa sse", "--isa 'sse' cannot be used: it takes one of auto, scalar, avx2, avx512, avx512_bf16.")]
    [InlineData("--kv_cache_memory lots", "--kv_cache_memory 'lots' cannot be used: it takes a size above zero such as 8GiB, 512Mi or 2GB.")]
    [InlineData("--memory_fraction 1.5", "--memory_fraction '1.5' cannot be used: it takes a number from 0.05 to 0.98.")]
    [InlineData("--enable_prefix_caching=maybe", "--enable_prefix_caching 'maybe' cannot be used: it takes true or false.")]
    [InlineData("--host somewhere", "--host 'somewhere' cannot be used: it takes an IP address, localhost or *.")]
    [InlineData("/models", "Unexpected argument '/models': options begin with --, and the model is named with --model_dir PATH.")]
    [InlineData("--no-port", "There is no option --no-port. --help lists all.")]
    [InlineData("--tensor-parallel-size 2", "--tensor-parallel-size '2' cannot be used: it takes only 1.")]
    [InlineData("--lora-modules x", "There is no option --lora-modules. --help lists all.")]
    public void Parse_WhatCannotBeFollowed_IsOneSentence(string line, string message) =>
        Assert.Equal(message, Assert.Throws<UsageException>(() => Serve("--model /m " + line)).Message);

    [Fact]
    public void Parse_AForeignOptionWithoutEffect_IsNoted()
    {
        CommandLineResult.Serve serve = Serve("--model /m --trust-remote-code --workers 2 --tensor_parallel_size 1");
        Assert.Equal(
            [
                "--trust-remote-code has no effect here: code of a checkpoint is never run.",
                "--workers has no effect here: there is one process, sized by itself.",
                "--tensor_parallel_size has no effect here: it is what this server does anyway.",
            ],
            serve.Notes);
    }

    [Fact]
    public void Parse_KServesArgumentsConcatenated_LastWins()
    {
        var environment = new ServerEnvironment { Port = "8080", ModelName = "isvc", InKubernetes = true };
        ServerOptions options = Serve(
            "--model_name=isvc --model_dir=/mnt/models --http_port=8080 --grpc_port=0 --model_name=other --http_port=9000", environment).Options;
        Assert.Equal(["other"], options.ModelNames);
        Assert.Equal(9000, options.Port);
        Assert.Equal("*", options.Host);
    }

    [Fact]
    public void Parse_PortsThatKnativeDoesNotAsk_AreRefused()
    {
        var knative = new ServerEnvironment { Port = "8080", InKnative = true };
        Assert.Equal(8080, Serve("--model /m", knative).Options.Port);
        Assert.Equal(8080, Serve("--model /m --http_port=8080 --grpc_port=9000", knative).Options.Port);
        Assert.Equal(8080, Serve("--model /m --http_port=9000 --grpc_port=8080", knative).Options.GrpcPort);
        Assert.StartsWith(
            "--port (--http_port) 9000 contradicts PORT=8080, where Knative sends requests",
            Assert.Throws<UsageException>(() => Serve("--model /m --http_port=9000", knative)).Message);
    }

    /// <summary>The models of Triton's examples are for those who run these examples, not for users.</summary>
    [Fact]
    public void TestModels_AreServedWhenAskedForAndToldToNobody()
    {
        Assert.False(Serve("--model /m").Options.TestModels);
        ServerOptions options = Serve("--model /m --test-models").Options;
        Assert.True(options.TestModels);
        Assert.Contains("test_models=true", HelpText.Settings(options), StringComparison.Ordinal);
        Assert.DoesNotContain("test_models", HelpText.Settings(Serve("--model /m").Options), StringComparison.Ordinal);
        Assert.DoesNotContain("test_models", HelpText.Terminal() + HelpText.Markdown(), StringComparison.Ordinal);
        Assert.DoesNotContain("test_models", Assert.Throws<UsageException>(() => Serve("--test_model")).Message.Replace("--test_model.", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_CloudEventVariables_AreTaken()
    {
        var environment = new ServerEnvironment { CloudEvents = new CloudEventOptions { Merge = true, Type = "t" } };
        Assert.Equal(environment.CloudEvents, Serve("--model /m", environment).Options.CloudEvents);
    }

    [Fact]
    public void Parse_WithoutNames_TakesTheInferenceServicesElseTheDirectorys()
    {
        Assert.Equal(["isvc"], Serve("--model /mnt/models", new ServerEnvironment { ModelName = "isvc" }).Options.ModelNames);
        Assert.Equal(["llama"], Serve("--model /data/llama/").Options.ModelNames);
    }

    [Fact]
    public void Parse_Environment_GivesDefaultsThatTheCommandLineReplaces()
    {
        var environment = new ServerEnvironment { Port = "7000", ApiKey = "secret", ModelAppearsLate = true };
        Assert.Equal((7000, "secret"), (Serve("--model /m", environment).Options.Port, Serve("--model /m", environment).Options.ApiKeys.Single()));
        Assert.Equal((1, "k"), (Serve("--model /m --port 1 --api-key k", environment).Options.Port, Serve("--model /m --api-key k", environment).Options.ApiKeys.Single()));
        Assert.Equal(TimeSpan.FromMinutes(10), Serve("--model /m", environment).Options.ModelWait);
        Assert.Equal(
            "The environment variable PORT 'tcp://1' cannot be used: it takes a whole number from 0 to 65535.",
            Assert.Throws<UsageException>(() => Serve("--model /m", new ServerEnvironment { Port = "tcp://1" })).Message);
    }

    [Fact]
    public void Parse_ApiKeyFile_IsReadAndTheLaterOfTheTwoOptionsWins()
    {
        string file = Path.GetTempFileName();
        File.WriteAllText(file, "one\n\n two \n");
        Assert.Equal(["one", "two"], Serve($"--model /m --api_key x --api_key_file {file}").Options.ApiKeys);
        Assert.Equal(["x"], Serve($"--model /m --api_key_file {file} --api_key x").Options.ApiKeys);
        File.WriteAllText(file, "\n");
        Assert.Contains("at least one key", Assert.Throws<UsageException>(() => Serve($"--model /m --api_key_file {file}")).Message);
        File.Delete(file);
        Assert.Contains("a readable file", Assert.Throws<UsageException>(() => Serve($"--model /m --api_key_file {file}")).Message);
    }

    [Theory]
    [InlineData("--help", typeof(CommandLineResult.Help))]
    [InlineData("--nonsense -h", typeof(CommandLineResult.Help))]
    [InlineData("--version", typeof(CommandLineResult.Version))]
    public void Parse_HelpAndVersion_AreRecognizedAnywhere(string line, Type expected) =>
        Assert.IsType(expected, CommandLine.Parse(line.Split(' '), NoEnvironment));

    /// <summary>Each option can be set to something, and what is shown can be typed again and means the same.</summary>
    [Fact]
    public void Options_WhatIsShown_CanBeTypedAgain()
    {
        ServerOptions initial = Serve("--model /m").Options;
        foreach (CommandLineOption option in CommandLineTable.Options)
        {
            if (option.Show(initial) is { Length: > 0 } shown)
            {
                Assert.Equal(shown, option.Show(option.Set(initial, shown.Split(' '))));
            }
        }
    }

    [Fact]
    public void Options_NoNameIsTakenTwice()
    {
        IEnumerable<string> names = CommandLineTable.Options.SelectMany(option => option.Names).Concat(ForeignOption.All.Select(option => option.Name));
        Assert.Empty(names.GroupBy(name => name).Where(group => group.Count() > 1).Select(group => group.Key));
        Assert.All(names, name => Assert.Matches("^[a-z][a-z0-9_]*$", name));
    }

    /// <summary>A property of the options records that no option sets would be a setting nobody can reach.</summary>
    [Fact]
    public void Options_SetEveryEngineOption()
    {
        string source = string.Concat(((string[])["Configuration/CommandLineTable.cs", "Configuration/Defaults.cs", "Hosting/LanguageModel.cs"]).Select(
            file => File.ReadAllText(Path.Combine(Repository.Root, "src/Predictor", file))));
        Assert.All(typeof(EngineOptions).GetProperties().Select(p => p.Name), name => Assert.Contains($"{name} =", source));
    }

    [Fact]
    public void Settings_HideKeys()
    {
        string settings = HelpText.Settings(Serve("--model /m --api-key topsecret other").Options);
        Assert.DoesNotContain("topsecret", settings);
        Assert.Contains("api_key=(2 not shown)", settings);
        Assert.Contains("model_dir=/m", settings);
        Assert.Contains("max_num_seqs=128", settings);
    }

    [Fact]
    public void Help_NamesEveryOptionAndFitsATerminal()
    {
        string help = HelpText.Terminal();
        Assert.All(CommandLineTable.Shown.SelectMany(option => option.Names), name => Assert.Contains("--" + name, help));
        Assert.All(help.Split('\n'), line => Assert.True(line.Length <= 112, line));
    }

    [Fact]
    public void Documentation_IsTheTable()
    {
        string path = Path.Combine(Repository.Root, "docs/command-line.md");
        if (Environment.GetEnvironmentVariable("KSERVEPAGED_WRITE_DOCS") == "1")
        {
            File.WriteAllText(path, HelpText.Markdown());
        }
        Assert.True(File.Exists(path) && File.ReadAllText(path) == HelpText.Markdown(), "docs/command-line.md is stale: run this test with KSERVEPAGED_WRITE_DOCS=1");
    }

    private static CommandLineResult.Serve Serve(string line, ServerEnvironment? environment = null) =>
        Assert.IsType<CommandLineResult.Serve>(CommandLine.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), environment ?? NoEnvironment));
}
