"""Services of a .proto file as grpcio stubs, without generated code: protoc describes the file, the messages are made from that."""
import subprocess
import tempfile
from pathlib import Path

from google.protobuf import descriptor_pb2, message_factory


class Protocol:
    """The messages of one file, by their short names as attributes, and its services."""

    def __init__(self, proto):
        with tempfile.NamedTemporaryFile() as described:
            subprocess.run(["protoc", f"--proto_path={Path(proto).parent}", f"--descriptor_set_out={described.name}", Path(proto).name], check=True)
            self._file = descriptor_pb2.FileDescriptorSet.FromString(described.read()).file[0]
        self._messages = message_factory.GetMessages([self._file])

    def __getattr__(self, name):
        return self._messages[f"{self._file.package}.{name}"]

    def stub(self, channel):
        """The callables of the file's one service, by method name."""
        service = self._file.service[0]
        calls = {
            (False, False): channel.unary_unary,
            (False, True): channel.unary_stream,
            (True, False): channel.stream_unary,
            (True, True): channel.stream_stream,
        }
        return {
            method.name: calls[method.client_streaming, method.server_streaming](
                f"/{self._file.package}.{service.name}/{method.name}",
                request_serializer=self._messages[method.input_type[1:]].SerializeToString,
                response_deserializer=self._messages[method.output_type[1:]].FromString,
            )
            for method in service.method
        }
