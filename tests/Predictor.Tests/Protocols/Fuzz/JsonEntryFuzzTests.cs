using System.Text;
using KServePaged.Predictor.Protocols.KServeV1;
using KServePaged.Predictor.Protocols.KServeV1.CloudEvents;
using KServePaged.Predictor.Protocols.OpenAI;
using KServePaged.Predictor.Protocols.OpenInference;
using KServePaged.Predictor.Protocols.OpenInference.Rest;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Transport;
using Microsoft.AspNetCore.Http;

namespace KServePaged.Predictor.Tests.Protocols.Fuzz;

/// <summary>The JSON bodies of every route that generates, mutated.</summary>
public sealed class JsonEntryFuzzTests
{
    private const int Seed = 20261125;

    private static readonly JsonMutator Infer = new(
        """{"id":"1","parameters":{"max_tokens":3,"stop":["a"],"binary_data_output":false,"logprobs":1,"p":5},"inputs":[{"name":"text_input","shape":[2],"datatype":"BYTES","data":["a","b"]},{"name":"temperature","shape":[1],"datatype":"FP32","data":[0.5]}],"outputs":[{"name":"text_output","parameters":{"binary_data":false}}]}""",
        """{"inputs":[{"name":"input_ids","shape":[2,2],"datatype":"INT64","data":[[1,2],[3,4]]},{"name":"stream","shape":[1],"datatype":"BOOL","data":[true]}],"model_name":"m"}""",
        """{"inputs":[{"name":"messages","shape":[1],"datatype":"BYTES","data":["[{\"role\":\"user\",\"content\":\"x\"}]"],"parameters":{"content_type":"str"}},{"name":"sampling_parameters","shape":[1],"datatype":"BYTES","data":["{\"top_k\":3,\"logit_bias\":{\"5\":1}}"]},{"name":"tools","shape":[1],"datatype":"BYTES","data":["[]"]}]}""");

    private static readonly JsonMutator Generate = new(
        """{"id":"1","text_input":"hi","parameters":{"max_tokens":3,"temperature":0,"stop":["a","b"],"details":true},"stream":false,"bad_words":"","return_finish_reason":true}""",
        """{"input_ids":[1,2,3],"top_k":5,"seed":7,"stop_token_ids":[4],"logit_bias":{"5":1.5},"timeout":1000000,"sampling_parameters":{"min_p":0.1}}""",
        """{"messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"x"}]}],"tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"chat_template_kwargs":{"a":1},"n":1}""");

    private static readonly JsonMutator Chat = new(
        """{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"x"}]}],"stream":true,"stream_options":{"include_usage":true},"stop":["a"],"logit_bias":{"5":-1},"logprobs":true,"top_logprobs":2}""",
        """{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"r"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":"auto","n":2,"max_completion_tokens":4,"response_format":{"type":"text"},"metadata":{"a":"b"},"user":"u"}""");

    private static readonly JsonMutator Completion = new(
        """{"model":"m","prompt":"x","max_tokens":4,"temperature":0.5,"stop":"a","logprobs":1,"echo":true,"n":1,"best_of":1,"seed":3}""",
        """{"prompt":[[1,2],[3]],"stream":true,"suffix":null,"presence_penalty":0.1,"stop_token_ids":[1],"truncate_prompt_tokens":5}""",
        """{"prompt":["a","b"],"min_tokens":1,"top_p":0.9,"top_k":4,"request_id":"r","cache_salt":"s","logit_bias":{"1":1}}""");

    private static readonly JsonMutator Predict = new(
        """{"instances":["a",{"text":"b","max_tokens":3},{"messages":[{"role":"user","content":"x"}],"n":2},{"input_ids":[1,2]}],"parameters":{"temperature":0,"details":true,"stop":["a"]}}""",
        """{"inputs":[{"prompt":"a","logprobs":1,"return_finish_reason":false},{"text_input":"b","seed":null,"logit_bias":{"5":1}}],"parameters":{"stream":false,"timeout":1000}}""");

    private static readonly JsonMutator Event = new(
        """{"specversion":"1.0","id":"1","source":"s","type":"t","time":"2026-01-01T00:00:00Z","count":5,"flag":true,"data":{"instances":["a"],"parameters":{"max_tokens":3}}}""",
        """{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"application/json","data_base64":"eyJpbnN0YW5jZXMiOlsiYSJdfQ=="}""");

    private static readonly HeaderDictionary Structured = new() { ["Content-Type"] = CloudEventReader.StructuredType };

    [Fact]
    public void Infer_OnlyEverRefuses() => Check(1, Infer, bytes => InferMapper.Map(RestBody.ReadInfer(bytes, headerLength: null).Request, new ScriptedEngine().Model, "r"));

    [Fact]
    public void Generate_OnlyEverRefuses() => Check(2, Generate, bytes => GenerateJson.Read(JsonBody.Parse(bytes), "r"));

    [Fact]
    public void Chat_OnlyEverRefuses() => Check(3, Chat, bytes => ChatCall.Parse(new RequestFields(JsonBody.Parse(bytes))));

    [Fact]
    public void Completion_OnlyEverRefuses() => Check(4, Completion, bytes => CompletionCall.Parse(new RequestFields(JsonBody.Parse(bytes))));

    [Fact]
    public void Predict_OnlyEverRefuses() => Check(5, Predict, bytes => PredictJson.Read(JsonBody.Parse(bytes), "r"));

    [Fact]
    public void CloudEvent_OnlyEverRefuses() => Check(6, Event, bytes => PredictJson.Read(CloudEventReader.Read(Structured, bytes)!.Data, "r")); // the header makes it an event

    private static void Check(int entry, JsonMutator mutator, Action<byte[]> serve) => FuzzRun.Check(
        Seed + entry,
        random => mutator.Next(random) is var bytes ? (bytes, bytes.Length) : default,
        serve,
        Encoding.UTF8.GetString);
}
