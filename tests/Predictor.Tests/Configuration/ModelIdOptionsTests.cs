using KServePaged.Predictor.Configuration;

namespace KServePaged.Predictor.Tests.Configuration;

public sealed class ModelIdOptionsTests
{
    [Theory]
    [InlineData("--model_id org/name")]
    [InlineData("--model-id=org/name")]
    [InlineData("--model_dir=/mnt/models --model_id=org/name")]
    [InlineData("--model_id=org/name --model_dir=/mnt/models")]
    public void Parse_ModelId_WinsOverTheRuntimesDirectory(string line)
    {
        ServerOptions options = Serve(line).Options;
        Assert.Equal(new HubReference("org/name", "main"), options.HubModel);
        Assert.Equal(("", true, false), (options.Engine.ModelPath, options.HasOwnModel, options.IsDemo));
        Assert.Equal(["org/name"], options.ModelNames);
        Assert.Equal("org/name", options.Engine.ModelName);
    }

    [Fact]
    public void Parse_ModelIdBesideADirectory_IsNoted()
    {
        Assert.Equal(["--model_dir '/mnt/models' is not used: --model_id names the model."], Serve("--model_dir=/mnt/models --model_id=org/name").Notes);
        Assert.Empty(Serve("--model_id=org/name").Notes);
    }

    [Fact]
    public void Parse_ModelIdThatIsADirectory_IsUsedAsSuch()
    {
        string directory = Directory.CreateTempSubdirectory().FullName;
        ServerOptions options = Serve($"--model_dir /x --model_id {directory}").Options;
        Assert.Equal((directory, null), (options.Engine.ModelPath, options.HubModel));
        Directory.Delete(directory);
        Assert.Equal("/mnt/late", Serve("--model_id /mnt/late").Options.Engine.ModelPath); // may appear later
    }

    [Theory]
    [InlineData("--model_revision v1")]
    [InlineData("--model-revision v1")]
    [InlineData("--revision v1")]
    [InlineData("--model_revision v1 --tokenizer_revision v1")]
    public void Parse_Revision_EverySpellingMeansTheSame(string line) =>
        Assert.Equal(new HubReference("gpt2", "v1"), Serve("--model_id gpt2 " + line).Options.HubModel);

    [Theory]
    [InlineData("--model_id https://huggingface.co/org/name", "--model_id 'https://huggingface.co/org/name' cannot be used: it takes ORG/NAME as on the Hub, or a directory.")]
    [InlineData("--model_id org/../name", "--model_id 'org/../name' cannot be used: it takes ORG/NAME as on the Hub, or a directory.")]
    [InlineData("--model_id org/.git", "--model_id 'org/.git' cannot be used: it takes ORG/NAME as on the Hub, or a directory.")]
    [InlineData("--model_id a/b --revision ../x", "--revision '../x' cannot be used: it takes a branch, a tag or a commit.")]
    [InlineData("--model_id a/b --tokenizer_revision x", "--tokenizer_revision 'x' cannot be used: the tokenizer comes with the model, whose revision is 'main'.")]
    [InlineData("--model_dir /m --revision x", "--model_revision chooses among the revisions of a model on the Hub: --model_id ORG/NAME, which is not given.")]
    public void Parse_WhatCannotBeFollowed_IsOneSentence(string line, string message) =>
        Assert.Equal(message, Assert.Throws<UsageException>(() => Serve(line)).Message);

    [Fact]
    public void Parse_TheNameOfTheInferenceService_ComesBeforeTheIds() =>
        Assert.Equal(["isvc"], Serve("--model_id a/b", new ServerEnvironment { ModelName = "isvc" }).Options.ModelNames);

    [Fact]
    public void Parse_AnEndpointThatIsNone_IsRefusedWhenItIsNeeded()
    {
        var environment = new ServerEnvironment { Hub = new HubOptions { Endpoint = "mirror.local" } };
        Assert.Equal(
            "The environment variable HF_ENDPOINT 'mirror.local' cannot be used: it takes an address that begins with https:// or http://.",
            Assert.Throws<UsageException>(() => Serve("--model_id a/b", environment)).Message);
        Assert.Equal("/m", Serve("--model_dir /m", environment).Options.Engine.ModelPath);
    }

    [Fact]
    public void Settings_TellTheModelAndNeverTheToken()
    {
        var environment = new ServerEnvironment { Hub = new HubOptions { Token = "hf_secret", CachePath = "/c" } };
        string settings = HelpText.Settings(Serve("--model_id a/b --revision r", environment).Options);
        Assert.Contains("model_id=a/b model_revision=r download_dir=/c", settings, StringComparison.Ordinal);
        Assert.DoesNotContain("hf_secret", settings + environment.Hub, StringComparison.Ordinal);
        Assert.Equal("/d", Serve("--model_id a/b --download-dir /d", environment).Options.Hub.CachePath);
    }

    [Theory]
    [InlineData("", false, "/tmp/huggingface/hub", "/tmp/huggingface/token")]
    [InlineData("HOME=/home/u", false, "/home/u/.cache/huggingface/hub", "/home/u/.cache/huggingface/token")]
    [InlineData("HOME=/", true, "/tmp/huggingface/hub", "/tmp/huggingface/token")]
    [InlineData("HOME=/home/u XDG_CACHE_HOME=/x", true, "/x/huggingface/hub", "/x/huggingface/token")]
    [InlineData("HF_HOME=/h XDG_CACHE_HOME=/x", true, "/h/hub", "/h/token")]
    [InlineData("HF_HOME=/h HF_HUB_CACHE=/c HF_TOKEN_PATH=/secret/token", false, "/c", "/secret/token")]
    public void HubOptions_FromTheEnvironment_FollowHuggingFacesRules(string variables, bool inKubernetes, string cache, string token)
    {
        HubOptions options = Read(variables, inKubernetes);
        Assert.Equal((cache.Replace("/tmp/", Path.GetTempPath(), StringComparison.Ordinal), token.Replace("/tmp/", Path.GetTempPath(), StringComparison.Ordinal)), (options.CachePath, options.TokenPath));
    }

    [Fact]
    public void HubOptions_MirrorTokenAndOffline_AreRead()
    {
        HubOptions options = Read("HF_ENDPOINT=https://mirror/x/ HUGGING_FACE_HUB_TOKEN=t HF_HUB_OFFLINE=1", false);
        Assert.Equal(("https://mirror/x", "t", true), (options.Endpoint, options.Token, options.Offline));
        options = Read("HF_TOKEN=a HUGGING_FACE_HUB_TOKEN=t HF_HUB_OFFLINE=0", false);
        Assert.Equal(("https://huggingface.co", "a", false), (options.Endpoint, options.Token, options.Offline));
    }

    private static HubOptions Read(string variables, bool inKubernetes)
    {
        Dictionary<string, string> set = variables.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        return HubOptions.Read(set.GetValueOrDefault, inKubernetes);
    }

    private static CommandLineResult.Serve Serve(string line, ServerEnvironment? environment = null) =>
        Assert.IsType<CommandLineResult.Serve>(CommandLine.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), environment ?? new ServerEnvironment()));
}
