namespace KServePaged.Engine.Contracts;

/// <summary>Token counts of a request so far.</summary>
/// <param name="PromptTokens">Tokens of the prompt, counted once for all outputs.</param>
/// <param name="CompletionTokens">New tokens of all outputs, end and stop tokens included.</param>
/// <param name="CachedPromptTokens">Prompt tokens whose keys and values were found in the prefix cache.</param>
public readonly record struct Usage(int PromptTokens, int CompletionTokens, int CachedPromptTokens);
