namespace KServePaged.Predictor.Errors;

/// <summary>How one kind of error is called in each protocol.</summary>
/// <param name="Http">Status of HTTP answers.</param>
/// <param name="Grpc">Status of gRPC answers.</param>
/// <param name="OpenAIType"><c>error.type</c> of OpenAI answers.</param>
internal readonly record struct ErrorStatus(int Http, GrpcStatusCode Grpc, string OpenAIType);
