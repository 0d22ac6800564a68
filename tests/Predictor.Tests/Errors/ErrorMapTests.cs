using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Errors;

namespace KServePaged.Predictor.Tests.Errors;

public sealed class ErrorMapTests
{
    private static readonly Dictionary<EngineErrorCode, (int Http, int Grpc, string OpenAI)> Expected = new()
    {
        [EngineErrorCode.InvalidArgument] = (400, 3, "BadRequestError"),
        [EngineErrorCode.ContextTooLong] = (400, 11, "BadRequestError"),
        [EngineErrorCode.ModelNotFound] = (404, 5, "NotFoundError"),
        [EngineErrorCode.Unsupported] = (400, 9, "BadRequestError"),
        [EngineErrorCode.NotReady] = (503, 14, "ServiceUnavailableError"),
        [EngineErrorCode.Draining] = (503, 14, "ServiceUnavailableError"),
        [EngineErrorCode.Overloaded] = (429, 8, "RateLimitError"),
        [EngineErrorCode.DeadlineExceeded] = (504, 4, "TimeoutError"),
        [EngineErrorCode.Internal] = (500, 13, "InternalServerError"),
    };

    [Fact]
    public void Of_EveryCode_HasTheExpectedStatuses()
    {
        foreach (EngineErrorCode code in Enum.GetValues<EngineErrorCode>())
        {
            ErrorStatus status = ErrorMap.Of(code);
            Assert.Equal(Expected[code], (status.Http, (int)status.Grpc, status.OpenAIType));
        }
    }

    [Fact]
    public void OfHttp_EveryErrorStatus_KeepsItsNumberAndHasAType()
    {
        for (int status = 400; status < 600; status++)
        {
            Assert.Equal(status, ErrorMap.OfHttp(status).Http);
            Assert.NotEmpty(ErrorMap.OfHttp(status).OpenAIType);
            Assert.NotEqual(GrpcStatusCode.Ok, ErrorMap.OfHttp(status).Grpc);
        }
    }

    [Theory]
    [InlineData(EngineErrorCode.Overloaded, true)]
    [InlineData(EngineErrorCode.Draining, true)]
    [InlineData(EngineErrorCode.NotReady, true)]
    [InlineData(EngineErrorCode.InvalidArgument, false)]
    public void ErrorReply_From_GivesARetryHintWhereAnotherTryHelps(EngineErrorCode code, bool hint) =>
        Assert.Equal(hint, ErrorReply.From(new RequestException(code, "x")).RetryAfter is not null);
}
