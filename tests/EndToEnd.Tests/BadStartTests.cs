using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KServePaged.EndToEnd.Tests;

/// <summary>
/// What is wrong with a pod: said in one line of the log and, where Kubernetes shows it, in the termination message, with what to change.
/// In arguments, {folder} is a scratch directory: <c>empty</c>, <c>huge</c> (a model larger than any memory), <c>text</c> (no certificate).
/// </summary>
public sealed class BadStartTests : IDisposable
{
    private const int LoadFailed = 1, Usage = 2;

    private readonly string _folder = Directory.CreateTempSubdirectory("kservepaged-start-").FullName;
    private readonly TcpListener _taken = new(IPAddress.Loopback, 0);

    public BadStartTests()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "empty"));
        File.WriteAllText(Path.Combine(_folder, "text"), "no certificate");
        File.WriteAllText(Path.Combine(_folder, "blank"), "\n");
        WriteHugeModel(Directory.CreateDirectory(Path.Combine(_folder, "huge")).FullName);
        _taken.Start();
    }

    public void Dispose()
    {
        _taken.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(LoadFailed, "--model_dir={folder}/nowhere", "--model_dir '{folder}/nowhere' is not a directory.")]
    [InlineData(LoadFailed, "--model_dir={folder}/empty", "{folder}/empty is empty: check the path in storageUri")]
    [InlineData(LoadFailed, "--model_dir={folder}/huge", "The model does not fit: it takes ", "Give it more memory, or ")]
    [InlineData(LoadFailed, "--max_model_len=100000", "max_model_len is 100000", "use at most that")]
    [InlineData(LoadFailed, "--kv_cache_memory=1KiB", "The cache is too small", "Raise kv_cache_memory")]
    [InlineData(LoadFailed, "--model_repository={folder} --load_model=absent", "--load_model: there is no directory 'absent'")]
    [InlineData(Usage, "--ssl_certfile={folder}/absent", "--ssl_certfile '{folder}/absent' cannot be read: ")]
    [InlineData(Usage, "--ssl_certfile={folder}/text", "--ssl_certfile '{folder}/text' holds no certificate in PEM form")]
    [InlineData(Usage, "--ssl_keyfile={folder}/text", "--ssl_keyfile names the key of --ssl_certfile, which is not given")]
    [InlineData(Usage, "--api_key_file={folder}/absent", "--api_key_file '{folder}/absent' cannot be used: it takes a readable file")]
    [InlineData(Usage, "--api_key_file={folder}/blank", "it takes a file with at least one key in it")]
    [InlineData(Usage, "--model_repository={folder} --model_name=chat", "--model_name names the model of --model_dir")]
    [InlineData(Usage, "--model_dir={folder}/empty --load_model=chat", "--load_model chooses among the models of --model_repository")]
    [InlineData(Usage, "--port={taken}", "Port {taken} is taken: choose another with --port")]
    [InlineData(Usage, "--grpc_port={taken}", "Port {taken} is taken: choose another with --grpc_port")]
    [InlineData(Usage, "--host=192.0.2.1", "--host 192.0.2.1 is no address of this machine")]
    [InlineData(Usage, "--http_port=9000", "--port (--http_port) 9000 contradicts PORT=8080", "leave the option out")]
    public async Task Start_WhenSomethingIsWrong_SaysWhatInOneLineAndTheTerminationMessage(int expectedCode, string arguments, params string[] expected)
    {
        string message = Path.Combine(_folder, "termination-log");
        await File.WriteAllTextAsync(message, "", TestContext.Current.CancellationToken); // as the kubelet makes it
        bool knative = arguments.Contains("http_port", StringComparison.Ordinal);
        string[] given = [.. knative ? (string[])[] : ["--host=127.0.0.1", "--port=0"], .. Filled(arguments).Split(' ')];
        (int code, string output, string error) = await ServerProcess.RunAsync(
            [("TERMINATION_MESSAGE_PATH", message), .. knative ? [("PORT", "8080"), ("K_REVISION", "chat-00001")] : Array.Empty<(string, string)>()], given);
        Assert.Equal((expectedCode, ""), (code, output));
        string said = Assert.Single(await File.ReadAllLinesAsync(message, TestContext.Current.CancellationToken));
        Assert.All(expected, part => Assert.Contains(Filled(part), said));
        Assert.EndsWith(".", said);
        string[] log = error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string reason = expectedCode == Usage ? said : said[(said.IndexOf("loaded: ", StringComparison.Ordinal) + "loaded: ".Length)..];
        Assert.EndsWith(reason, Assert.Single(log, line => line.Contains(reason, StringComparison.Ordinal)));
        Assert.All(log, line => Assert.DoesNotContain("   at ", line));
    }

    private string Filled(string text) => text.Replace("{folder}", _folder, StringComparison.Ordinal)
        .Replace("{taken}", $"{((IPEndPoint)_taken.LocalEndpoint).Port}", StringComparison.Ordinal);

    /// <summary>A whole checkpoint by its header, 550 GB long, of which the file system holds nothing.</summary>
    private static void WriteHugeModel(string folder)
    {
        const long Vocabulary = 1 << 20, Hidden = 1 << 18;
        (string Name, long[] Shape)[] tensors =
        [
            ("model.embed_tokens.weight", [Vocabulary, Hidden]), ("model.norm.weight", [Hidden]),
            ("model.layers.0.input_layernorm.weight", [Hidden]), ("model.layers.0.post_attention_layernorm.weight", [Hidden]),
            ("model.layers.0.self_attn.q_proj.weight", [64, Hidden]), ("model.layers.0.self_attn.k_proj.weight", [64, Hidden]),
            ("model.layers.0.self_attn.v_proj.weight", [64, Hidden]), ("model.layers.0.self_attn.o_proj.weight", [Hidden, 64]),
            ("model.layers.0.mlp.gate_proj.weight", [64, Hidden]), ("model.layers.0.mlp.up_proj.weight", [64, Hidden]),
            ("model.layers.0.mlp.down_proj.weight", [Hidden, 64]),
        ];
        long end = 0;
        string[] entries = [.. tensors.Select(tensor =>
        {
            long begin = end;
            end += 2 * tensor.Shape.Aggregate(1L, (product, length) => product * length);
            return $$"""{{'"'}}{{tensor.Name}}":{"dtype":"BF16","shape":[{{string.Join(',', tensor.Shape)}}],"data_offsets":[{{begin}},{{end}}]}""";
        })];
        byte[] header = Encoding.ASCII.GetBytes($"{{{string.Join(',', entries)}}}");
        byte[] length = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        using FileStream file = File.Create(Path.Combine(folder, "model.safetensors"));
        file.Write(length);
        file.Write(header);
        file.SetLength(file.Position + end);
        File.WriteAllText(Path.Combine(folder, "config.json"), $$"""
            {"architectures":["LlamaForCausalLM"],"model_type":"llama","vocab_size":{{Vocabulary}},"hidden_size":{{Hidden}},"intermediate_size":64,
             "num_hidden_layers":1,"num_attention_heads":1,"num_key_value_heads":1,"head_dim":64,"rms_norm_eps":1e-5,"rope_theta":10000.0,
             "max_position_embeddings":2048,"tie_word_embeddings":true,"torch_dtype":"bfloat16","hidden_act":"silu"}
            """);
    }
}
