namespace KServePaged.Predictor.Hosting;

/// <summary>What a load of a <see cref="VariantRoute"/> asks for.</summary>
/// <param name="Candidate">The model that gets a share; null = the one there is.</param>
/// <param name="Percent">Its share; null = as it is, 0 for a new one.</param>
/// <param name="Promote">The candidate takes the stable one's place, which is unloaded.</param>
internal sealed record VariantChange(string? Candidate, int? Percent, bool Promote);
