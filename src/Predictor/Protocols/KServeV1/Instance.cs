using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Protocols.KServeV1;

/// <summary>One element of <c>instances</c>.</summary>
/// <param name="ExcludeInput">Whether the prompt is left out of the text.</param>
/// <param name="Members">What its prediction holds beside the text; null = the prediction is the text itself.</param>
internal sealed record Instance(GenerationRequest Generation, bool ExcludeInput, IReadOnlyList<string>? Members);
