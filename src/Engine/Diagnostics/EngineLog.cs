using Microsoft.Extensions.Logging;

namespace KServePaged.Engine.Diagnostics;

/// <summary>What the engine says once in a process or a request. Event ids 2000 to 2099.</summary>
internal sealed partial class EngineLog(ILogger logger)
{
    private readonly ILogger _logger = logger;

    [LoggerMessage(2000, LogLevel.Information, "Engine ready: {MaxSequences} sequences, {MaxBatchedTokens} tokens a step, prefix cache {PrefixCaching}, tokenizer {HasTokenizer}, chat template {HasChatTemplate}")]
    public partial void Ready(int maxSequences, int maxBatchedTokens, bool prefixCaching, bool hasTokenizer, bool hasChatTemplate);

    [LoggerMessage(2001, LogLevel.Critical, "The engine failed in a step and serves no more; {Requests} requests are lost")]
    public partial void Failed(Exception failure, int requests);

    [LoggerMessage(2002, LogLevel.Information, "Engine stopped")]
    public partial void Stopped();

    [LoggerMessage(2003, LogLevel.Debug, "Request {RequestId}: {PromptTokens} prompt tokens, up to {MaxNewTokens} new, {Outputs} outputs")]
    public partial void Accepted(string requestId, int promptTokens, int maxNewTokens, int outputs);
}
