using KServePaged.Predictor.Storage;

namespace KServePaged.Predictor.Tests.Storage;

public sealed class ModelLayoutTests : IDisposable
{
    private const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly string _root = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Locate_FilesAtTheTop_IsTheDirectoryAsGiven()
    {
        Model("");
        Model("nested"); // beside a model at the top, directories below are its own
        Assert.Equal(_root, ModelLayout.Locate(_root));
        string link = _root + "-link";
        Directory.CreateSymbolicLink(link, _root);
        Assert.Equal(link, ModelLayout.Locate(link)); // not where it leads
        Directory.Delete(link);
    }

    [Fact]
    public void Locate_OneNestedDirectory_IsThat()
    {
        string nested = Model("llama");
        Model(".cache");
        Model("..2026_data");
        Directory.CreateDirectory(Path.Combine(_root, "lost+found"));
        Assert.Equal(nested, ModelLayout.Locate(_root));
    }

    [Fact]
    public void Locate_SeveralNestedDirectories_NamesTheRepositoryOption()
    {
        Model("b");
        Model("a");
        Assert.Equal(
            $"{_root} holds several models (a, b): name one of them with --model_dir, or serve them all with --model_repository {_root}.", Refusal(_root));
    }

    [Fact]
    public void Locate_ACacheOfHuggingFace_IsTheSnapshotOfMain()
    {
        string snapshot = Model($"models--acme--tiny/snapshots/{Commit}");
        Model("models--acme--tiny/snapshots/" + new string('f', 40));
        string cache = Path.Combine(_root, "models--acme--tiny");
        Directory.CreateDirectory(Path.Combine(cache, "blobs"));
        Assert.Contains("is a cache with 2 snapshots and no refs/main", Refusal(cache));
        Directory.CreateDirectory(Path.Combine(cache, "refs"));
        File.WriteAllText(Path.Combine(cache, "refs/main"), Commit + "\n");
        Assert.Equal(snapshot, ModelLayout.Locate(cache));
        Assert.Equal(snapshot, ModelLayout.Locate(_root)); // the cache's root, with the one model
        File.WriteAllText(Path.Combine(cache, "refs/main"), "../../../etc");
        Assert.Contains("refs/main names the commit '../../../etc', which is not in snapshots", Refusal(cache));
        Directory.Delete(Path.Combine(cache, "snapshots", new string('f', 40)), recursive: true);
        File.Delete(Path.Combine(cache, "refs/main"));
        Assert.Equal(snapshot, ModelLayout.Locate(cache));
    }

    [Theory]
    [InlineData("", "is empty: check the path in storageUri")]
    [InlineData(".hidden", "is empty: check the path in storageUri")]
    [InlineData("model.gguf", "holds weights as GGUF only (model.gguf)")]
    [InlineData("config.json model-q4.gguf", "holds weights as GGUF only (model-q4.gguf)")]
    [InlineData("config.json pytorch_model.bin", "holds PyTorch's pickled weights only (pytorch_model.bin)")]
    [InlineData("consolidated.00.pth", "holds PyTorch's pickled weights only (consolidated.00.pth)")]
    [InlineData("model.safetensors tokenizer.json", "has no config.json. It holds: model.safetensors, tokenizer.json.")]
    public void Locate_WhatIsNoModel_IsOneLine(string files, string message)
    {
        foreach (string name in files.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            File.WriteAllText(Path.Combine(_root, name), "");
        }
        string refusal = Refusal(_root);
        Assert.StartsWith(_root + " " + message, refusal, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal);
    }

    [Fact]
    public void Locate_AFileThatMayNotBeRead_IsNamed()
    {
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "root may read everything");
        Model("");
        string file = Path.Combine(_root, "model.safetensors");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, UnixFileMode.None);
        }
        Assert.Contains($"'{file}' is denied. The user this process runs as must be able to read the model", Refusal(_root));
    }

    [Fact]
    public void Locate_WritesNothing()
    {
        Model("llama");
        string[] before = Directory.GetFileSystemEntries(_root, "*", SearchOption.AllDirectories);
        DateTime stamp = Directory.GetLastWriteTimeUtc(_root);
        ModelLayout.Locate(_root);
        Assert.Equal(before, Directory.GetFileSystemEntries(_root, "*", SearchOption.AllDirectories));
        Assert.Equal(stamp, Directory.GetLastWriteTimeUtc(_root));
    }

    [Theory]
    [InlineData("/mnt/models", false, "--model_dir '/mnt/models' is not a directory.")]
    [InlineData("Qwen/Qwen2.5-0.5B", false, "--model_dir 'Qwen/Qwen2.5-0.5B' is not a directory; to download that model from the Hub write --model_id Qwen/Qwen2.5-0.5B.")]
    [InlineData("/m/model.gguf", true, "--model_dir '/m/model.gguf' is a file: name the directory that holds config.json, the tokenizer and the safetensors files.")]
    public void NoDirectory_SaysWhatToWrite(string path, bool isFile, string message) => Assert.Equal(message, ModelLayout.NoDirectory("--model_dir", path, isFile));

    private static string Refusal(string path) => Assert.Throws<InvalidDataException>(() => ModelLayout.Locate(path)).Message;

    private string Model(string name)
    {
        string path = name.Length == 0 ? _root : Path.Combine(_root, name);
        Directory.CreateDirectory(path);
        File.WriteAllText(Path.Combine(path, "config.json"), "{}");
        File.WriteAllText(Path.Combine(path, "model.safetensors"), "");
        return path;
    }
}
