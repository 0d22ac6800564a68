namespace KServePaged.Predictor.Generation;

/// <summary>What one prompt led to.</summary>
/// <param name="QueueTime">How long it waited for its first step.</param>
internal sealed record GeneratedPrompt(string PromptText, int PromptTokens, IReadOnlyList<GeneratedText> Outputs, TimeSpan QueueTime = default)
{
    public static TimeSpan LongestWait(IReadOnlyList<GeneratedPrompt> prompts) => prompts.Max(prompt => prompt.QueueTime);
}
