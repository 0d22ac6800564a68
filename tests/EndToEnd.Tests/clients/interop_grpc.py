"""The gRPC interoperability cases, driven with grpcio: interop_grpc.py HOST:PORT PROTO CASES. Prints "ok NAME" for each that holds."""
import json
import os
import queue
import sys

import grpc

from grpc_services import Protocol

address, proto, cases_file = sys.argv[1:]
pb = Protocol(proto)
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
GZIP = grpc.Compression.Gzip
PLAIN = grpc.Compression.NoCompression
channel = grpc.insecure_channel(address, UNLIMITED)
rpc = pb.stub(channel)


def payload(size, zero=True):
    return pb.Payload(body=bytes(size) if zero else os.urandom(size))


def simple(case):
    request = case["request"]
    return pb.SimpleRequest(response_size=request.get("response_size", 0), payload=payload(request.get("payload_zero_bytes", 0)))


def status_of(call):
    """Code and details of a call that must fail."""
    try:
        call()
    except grpc.RpcError as error:
        return error.code().value[0], error.details()
    raise AssertionError("the call succeeded")


def equal(actual, expected):
    assert actual == expected, f"{actual!r} instead of {expected!r}"


def output(*sizes, sent=0, compressed=None):
    request = pb.StreamingOutputCallRequest(payload=payload(sent))
    for size, flag in zip(sizes, compressed or [None] * len(sizes)):
        parameters = request.response_parameters.add(size=size)
        if flag is not None:
            parameters.compressed.value = flag
    return request


def empty_unary(case):
    equal(rpc["EmptyCall"](pb.Empty()).ByteSize(), case["expect"]["response_bytes"])


def large_unary(case):
    equal(len(rpc["UnaryCall"](simple(case)).payload.body), case["expect"]["payload_bytes"])


def client_compressed_unary(case):
    for step in case["steps"]:
        request = simple(case)
        request.expect_compressed.value = step["expect_compressed"]
        call = lambda: rpc["UnaryCall"](request, compression=GZIP if step["send_compressed"] else PLAIN)
        if step["expect_status"]:
            equal(status_of(call)[0], step["expect_status"])
        else:
            equal(len(call().payload.body), step["payload_bytes"])


def server_compressed_unary(case):
    for step in case["steps"]:  # grpcio hides the flag: that the answer can be read is what it shows
        request = simple(case)
        request.response_compressed.value = step["response_compressed"]
        equal(len(rpc["UnaryCall"](request).payload.body), case["expect"]["payload_bytes"])


def client_streaming(case):
    requests = (pb.StreamingInputCallRequest(payload=payload(size)) for size in case["stream_payload_zero_bytes"])
    equal(rpc["StreamingInputCall"](requests).aggregated_payload_size, case["expect"]["aggregated_payload_size"])


def client_compressed_streaming(case):
    def piece(step):
        # grpcio compresses by call, and leaves alone what would not shrink: random bytes are the way to one plain message among others.
        request = pb.StreamingInputCallRequest(payload=payload(step["payload_zero_bytes"], zero=step["send_compressed"]))
        request.expect_compressed.value = step["expect_compressed"]
        return request

    probe = case["probe"]
    equal(status_of(lambda: rpc["StreamingInputCall"](iter([piece(probe)])))[0], probe["expect_status"])
    answer = rpc["StreamingInputCall"](iter([piece(step) for step in case["stream"]]), compression=GZIP)
    equal(answer.aggregated_payload_size, case["expect"]["aggregated_payload_size"])


def server_streaming(case):
    answers = rpc["StreamingOutputCall"](output(*case["response_sizes"]))
    equal([len(answer.payload.body) for answer in answers], case["expect"]["payload_bytes_in_order"])


def server_compressed_streaming(case):
    request = output(*[r["size"] for r in case["responses"]], compressed=[r["compressed"] for r in case["responses"]])
    equal([len(answer.payload.body) for answer in rpc["StreamingOutputCall"](request)], case["expect"]["payload_bytes_in_order"])


def ping_pong(case):
    pending = queue.Queue()
    answers = rpc["FullDuplexCall"](iter(pending.get, None))
    for turn in case["turns"]:
        pending.put(output(turn["response_size"], sent=turn["payload_zero_bytes"]))
        equal(len(next(answers).payload.body), turn["response_size"])
    pending.put(None)
    equal(list(answers), [])


def empty_stream(case):
    equal(len(list(rpc["FullDuplexCall"](iter([])))), case["expect"]["responses"])


def custom_metadata(case):
    def value(name, text):
        return bytes.fromhex(text[2:]) if name.endswith("-bin") else text

    sent = [(name, value(name, text)) for name, text in case["request_metadata"].items()]
    _, unary = rpc["UnaryCall"].with_call(pb.SimpleRequest(response_size=1), metadata=sent)
    duplex = rpc["FullDuplexCall"](iter([output(1)]), metadata=sent)
    list(duplex)
    for call in (unary, duplex):
        for metadata, expected in ((call.initial_metadata(), "initial_metadata"), (call.trailing_metadata(), "trailing_metadata")):
            for name, text in case["expect"][expected].items():
                assert (name, value(name, text)) in [tuple(entry) for entry in metadata], metadata


def status_code_and_message(case):
    status = case["request"]["response_status"]
    expected = (case["expect"]["status"], case["expect"]["message"])
    equal(status_of(lambda: rpc["UnaryCall"](pb.SimpleRequest(response_status=status))), expected)
    if "FullDuplexCall" in case["rpc"]:
        equal(status_of(lambda: list(rpc["FullDuplexCall"](iter([pb.StreamingOutputCallRequest(response_status=status)])))), expected)


def unimplemented_method(case):
    equal(status_of(lambda: channel.unary_unary(case["path"])(b""))[0], case["expect"]["status"])


def cancel_after_begin(case):
    pending = queue.Queue()
    call = rpc["StreamingInputCall"].future(iter(pending.get, None))
    call.cancel()
    pending.put(None)
    equal(call.code().value[0], case["expect"]["status"])


def cancel_after_first_response(case):
    turn = case["turns"][0]
    pending = queue.Queue()
    pending.put(output(turn["response_size"], sent=turn["payload_zero_bytes"]))
    answers = rpc["FullDuplexCall"](iter(pending.get, None))
    equal(len(next(answers).payload.body), turn["response_size"])
    answers.cancel()
    pending.put(None)
    equal(status_of(lambda: next(answers))[0], case["expect"]["status"])


def timeout_on_sleeping_server(case):
    pending = queue.Queue()
    pending.put(output(sent=case["turns"][0]["payload_zero_bytes"]))
    answers = rpc["FullDuplexCall"](iter(pending.get, None), timeout=case["deadline_ms"] / 1000)
    equal(status_of(lambda: next(answers))[0], case["expect"]["status"])
    pending.put(None)


special_status_message = status_code_and_message
unimplemented_service = unimplemented_method

for one in json.load(open(cases_file))["cases"]:
    globals()[one["name"]](one)
    print("ok", one["name"])

for name in ("Gzip", "Deflate", "NoCompression"):
    large = pb.SimpleRequest(response_size=20_000_000, payload=payload(20_000_000), expect_compressed={"value": name != "NoCompression"})
    equal(len(rpc["UnaryCall"](large, compression=getattr(grpc.Compression, name)).payload.body), 20_000_000)
    print("ok 20 MB", name)
