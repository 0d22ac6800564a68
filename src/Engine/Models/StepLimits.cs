using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Models;

/// <summary>The largest step that working memory is made for.</summary>
/// <param name="Device">Where the steps run.</param>
/// <param name="Tokens">Tokens of a step.</param>
/// <param name="Context">Cached tokens of a sequence, this step's included.</param>
/// <param name="LogitRows">Rows of logits of a step.</param>
/// <param name="ComputeType">Type of what feeds the matrix products: BFloat16 beside BFloat16 weights, otherwise Float32.</param>
internal sealed record StepLimits(Device Device, int Tokens, int Context, int LogitRows, ElementType ComputeType);
