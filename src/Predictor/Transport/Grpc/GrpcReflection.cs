using Google.Protobuf;
using Google.Protobuf.Reflection;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Transport.Grpc.Reflection;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>Answers what services there are and what their messages look like, so that grpcurl and ghz need no .proto files.</summary>
internal sealed class GrpcReflection
{
    // ghz asks only the alpha version, grpcurl the other one first.
    private static readonly string[] ServiceNames = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

    private readonly Dictionary<string, FileDescriptor> _files = [];
    private readonly List<string> _services = [];

    /// <param name="files">The files of the services that are mapped.</param>
    public GrpcReflection(IEnumerable<FileDescriptor> files)
    {
        foreach (FileDescriptor file in files)
        {
            Add(file);
            _services.AddRange(file.Services.Select(service => service.FullName));
        }
        _services.AddRange(ServiceNames);
        Add(ReflectionReflection.Descriptor);
    }

    public IEnumerable<GrpcMethod> Methods => ServiceNames.Select(service => GrpcMethod.Duplex<ServerReflectionRequest, ServerReflectionResponse>(
        service, "ServerReflectionInfo", ServerReflectionRequest.Parser, AnswerAllAsync));

    private async Task AnswerAllAsync(
        GrpcMessageReader<ServerReflectionRequest> requests, GrpcMessageWriter<ServerReflectionResponse> responses, GrpcCallContext call)
    {
        await foreach (ServerReflectionRequest request in requests.ReadAllAsync(call.CancellationToken).ConfigureAwait(false))
        {
            ServerReflectionResponse response = Answer(request);
            response.ValidHost = request.Host;
            response.OriginalRequest = request;
            await responses.WriteAsync(response, call.CancellationToken).ConfigureAwait(false);
        }
    }

    private ServerReflectionResponse Answer(ServerReflectionRequest request) => request.MessageRequestCase switch
    {
        ServerReflectionRequest.MessageRequestOneofCase.ListServices => new()
        {
            ListServicesResponse = new ListServiceResponse { Service = { _services.Select(name => new ServiceResponse { Name = name }) } },
        },
        ServerReflectionRequest.MessageRequestOneofCase.FileByFilename => Files(_files.GetValueOrDefault(request.FileByFilename), request.FileByFilename),
        ServerReflectionRequest.MessageRequestOneofCase.FileContainingSymbol => Files(FileOf(request.FileContainingSymbol), request.FileContainingSymbol),
        ServerReflectionRequest.MessageRequestOneofCase.None => Error(GrpcStatusCode.InvalidArgument, "The request asks for nothing."),
        _ => Error(GrpcStatusCode.NotFound, "No message here has extensions."),
    };

    private FileDescriptor? FileOf(string symbol) => _files.Values.FirstOrDefault(file =>
        file.Services.Any(service => service.FullName == symbol || service.Methods.Any(method => method.FullName == symbol))
        || file.MessageTypes.Any(type => Holds(type, symbol))
        || file.EnumTypes.Any(type => type.FullName == symbol))
        // The alpha service has the messages of the other.
        ?? (symbol.StartsWith(ServiceNames[1], StringComparison.Ordinal) ? ReflectionReflection.Descriptor : null);

    private static bool Holds(MessageDescriptor type, string symbol) =>
        type.FullName == symbol || type.NestedTypes.Any(nested => Holds(nested, symbol)) || type.EnumTypes.Any(nested => nested.FullName == symbol);

    private static ServerReflectionResponse Files(FileDescriptor? file, string what)
    {
        if (file is null)
        {
            return Error(GrpcStatusCode.NotFound, $"'{what}' is not known.");
        }
        var files = new List<ByteString>();
        var seen = new HashSet<string>();
        Collect(file, seen, files);
        return new() { FileDescriptorResponse = new FileDescriptorResponse { FileDescriptorProto = { files } } };
    }

    // The file itself first, then what it imports.
    private static void Collect(FileDescriptor file, HashSet<string> seen, List<ByteString> files)
    {
        if (!seen.Add(file.Name))
        {
            return;
        }
        files.Add(file.SerializedData);
        foreach (FileDescriptor dependency in file.Dependencies)
        {
            Collect(dependency, seen, files);
        }
    }

    private static ServerReflectionResponse Error(GrpcStatusCode code, string message) =>
        new() { ErrorResponse = new ErrorResponse { ErrorCode = (int)code, ErrorMessage = message } };

    private void Add(FileDescriptor file)
    {
        if (!_files.TryAdd(file.Name, file))
        {
            return;
        }
        foreach (FileDescriptor dependency in file.Dependencies)
        {
            Add(dependency);
        }
    }
}
