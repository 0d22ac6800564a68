"""Every rpc of the server, called with grpcio: oip_grpc.py HOST:PORT MODEL PROTOS. Prints "ok NAME" for each that holds."""
import queue
import sys
import time
import urllib.request

import grpc

from grpc_services import Protocol

address, model, protos = sys.argv[1:]
pb = Protocol(f"{protos}/open_inference.proto")
channel = grpc.insecure_channel(address)
rpc = pb.stub(channel)
done = []


def ok(name):
    done.append(name)
    print("ok", name)


def text(prompt, **parameters):
    request = pb.ModelInferRequest(model_name=model, id="7")
    request.inputs.add(name="text_input", datatype="BYTES", shape=[1]).contents.bytes_contents.append(prompt.encode())
    for name, value in {"max_tokens": 8, "temperature": 0, "ignore_eos": True, **parameters}.items():
        setattr(request.parameters[name], {bool: "bool_param", int: "int64_param", str: "string_param"}[type(value)], value)
    return request


def text_of(response):
    index = [output.name for output in response.outputs].index("text_output")
    return response.outputs[index].contents.bytes_contents[0].decode()


def refused(call, *codes):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() in codes, (error.code(), error.details())
        return
    raise AssertionError("the call succeeded")


assert rpc["ServerLive"](pb.ServerLiveRequest()).live
ok("ServerLive")
assert rpc["ServerReady"](pb.ServerReadyRequest()).ready
ok("ServerReady")
assert rpc["ModelReady"](pb.ModelReadyRequest(name=model)).ready
ok("ModelReady")
assert "model_configuration" in rpc["ServerMetadata"](pb.ServerMetadataRequest()).extensions
ok("ServerMetadata")
assert "text_input" in [tensor.name for tensor in rpc["ModelMetadata"](pb.ModelMetadataRequest(name=model)).inputs]
ok("ModelMetadata")
assert rpc["ModelConfig"](pb.ModelConfigRequest(name=model)).config.name == model
ok("ModelConfig")

whole = rpc["ModelInfer"](text("Hello"))
assert whole.id == "7" and text_of(whole)
for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
    # Long enough that grpcio does compress it.
    assert text_of(rpc["ModelInfer"](text("Hello " * 20), compression=compression))
refused(lambda: rpc["ModelInfer"](text("x" * 20_000_000)), grpc.StatusCode.OUT_OF_RANGE)  # arrives whole, then is longer than the context
refused(lambda: rpc["ModelInfer"](pb.ModelInferRequest(model_name="none")), grpc.StatusCode.NOT_FOUND)
ok("ModelInfer")

pending = queue.Queue()
answers = rpc["ModelStreamInfer"](iter(pending.get, None))
for turn in range(2):
    pending.put(text("Hello", stream=True))
    pieces = []
    for answer in answers:
        assert not answer.error_message, answer.error_message
        pieces.append(text_of(answer.infer_response))
        if answer.infer_response.parameters["triton_final_response"].bool_param:
            break
    assert "".join(pieces) == text_of(whole), pieces
bad = text("Hello")
bad.model_name = "none"
pending.put(bad)
assert "none" in next(answers).error_message
pending.put(None)
assert list(answers) == []
ok("ModelStreamInfer")

assert [entry.state for entry in rpc["RepositoryIndex"](pb.RepositoryIndexRequest()).models if entry.name == model] == ["READY"]
ok("RepositoryIndex")
for name in ("RepositoryModelLoad", "RepositoryModelUnload"):
    request = getattr(pb, name + "Request")(model_name="none")
    refused(lambda: rpc[name](request), grpc.StatusCode.NOT_FOUND)
    ok(name)
assert rpc["ModelStatistics"](pb.ModelStatisticsRequest(name=model)).model_stats[0].inference_count > 0
ok("ModelStatistics")
assert "trace_level" in rpc["TraceSetting"](pb.TraceSettingRequest()).settings
ok("TraceSetting")
assert "log_info" in rpc["LogSettings"](pb.LogSettingsRequest()).settings
ok("LogSettings")
assert sorted(done) == sorted(rpc), set(rpc) ^ set(done)  # every rpc there is


def metric(name):
    lines = urllib.request.urlopen(f"http://{address}/metrics").read().decode().splitlines()
    values = [float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + "{")]
    assert values, name
    return sum(values)


def settle(started, most):
    """Nothing may run, wait or hold a block soon after, and little may have been generated meanwhile."""
    deadline = time.monotonic() + 10
    while metric("vllm:num_requests_running") + metric("vllm:num_requests_waiting") + metric("vllm:kv_cache_usage_perc"):
        assert time.monotonic() < deadline, "requests whose caller left still hold blocks"
    generated = metric("vllm:generation_tokens_total") - started
    assert generated < most, generated
    return generated


LONG = 200
began = metric("vllm:generation_tokens_total")
pending = queue.Queue()
for turn in range(200):
    pending.put(text("Hello", stream=True, max_tokens=LONG))
answers = rpc["ModelStreamInfer"](iter(pending.get, None))
next(answers)
answers.cancel()
pending.put(None)
print("ok cancel after", settle(began, 200 * LONG / 2), "tokens")

began = metric("vllm:generation_tokens_total")
many = text("Hello", max_tokens=LONG)
many.inputs[0].shape[0] = 200
many.inputs[0].contents.bytes_contents.extend([b"Hello"] * 199)
try:
    rpc["ModelInfer"](many, timeout=0.1)
    raise AssertionError("the deadline had no effect")
except grpc.RpcError as error:
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
print("ok deadline after", settle(began, 200 * LONG / 2), "tokens")

health_pb = Protocol(f"{protos}/health.proto")
health = health_pb.stub(channel)
assert health["Check"](health_pb.HealthCheckRequest()).status == 1
ok("Check")
watch = health["Watch"](health_pb.HealthCheckRequest(service=model))
assert next(watch).status == 1
watch.cancel()
ok("Watch")

reflection_pb = Protocol(f"{protos}/reflection.proto")
listed = next(reflection_pb.stub(channel)["ServerReflectionInfo"](iter([reflection_pb.ServerReflectionRequest(list_services="")])))
assert "inference.GRPCInferenceService" in [service.name for service in listed.list_services_response.service]
ok("ServerReflectionInfo")
