namespace KServePaged.Predictor.Generation;

/// <summary>What one prompt led to.</summary>
internal sealed record GeneratedPrompt(string PromptText, int PromptTokens, IReadOnlyList<GeneratedText> Outputs);
