using KServePaged.Engine.Contracts;

namespace KServePaged.Engine.Core;

/// <summary>Mail for the core: the reader wants no more of an output, or of all (<paramref name="OutputIndex"/> null).</summary>
/// <param name="Reason">Stop where a stop string was found, else Abort; for the metrics only, the reader knows it.</param>
internal readonly record struct RequestEnding(CoreRequest Request, int? OutputIndex, FinishReason Reason);
