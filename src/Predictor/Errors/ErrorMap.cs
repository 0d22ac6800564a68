using KServePaged.Engine.Contracts;
using static KServePaged.Predictor.Errors.GrpcStatusCode;

namespace KServePaged.Predictor.Errors;

/// <summary>The only table from errors to the statuses of protocols.</summary>
internal static class ErrorMap
{
    public static ErrorStatus Of(EngineErrorCode code) => code switch
    {
        EngineErrorCode.InvalidArgument => OfHttp(400),
        EngineErrorCode.ContextTooLong => new(400, OutOfRange, "BadRequestError"),
        EngineErrorCode.ModelNotFound => OfHttp(404),
        EngineErrorCode.Unsupported => new(400, FailedPrecondition, "BadRequestError"),
        EngineErrorCode.NotReady => OfHttp(503),
        EngineErrorCode.Draining => OfHttp(503),
        EngineErrorCode.Overloaded => OfHttp(429),
        EngineErrorCode.DeadlineExceeded => OfHttp(504),
        EngineErrorCode.Internal => OfHttp(500),
        _ => throw new ArgumentOutOfRangeException(nameof(code), code, "an error code without a status"),
    };

    /// <summary>For what HTTP itself refuses: keys, routes, sizes.</summary>
    public static ErrorStatus OfHttp(int status) => status switch
    {
        400 => new(status, InvalidArgument, "BadRequestError"),
        401 => new(status, Unauthenticated, "AuthenticationError"),
        404 => new(status, NotFound, "NotFoundError"),
        405 => new(status, Unimplemented, "MethodNotAllowedError"),
        408 => new(status, DeadlineExceeded, "RequestTimeoutError"),
        413 => new(status, ResourceExhausted, "RequestTooLargeError"),
        429 => new(status, ResourceExhausted, "RateLimitError"),
        500 => new(status, Internal, "InternalServerError"),
        503 => new(status, Unavailable, "ServiceUnavailableError"),
        504 => new(status, DeadlineExceeded, "TimeoutError"),
        >= 400 and < 500 => new(status, InvalidArgument, "BadRequestError"),
        _ => new(status, Unknown, "InternalServerError"),
    };
}
