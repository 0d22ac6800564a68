namespace KServePaged.Engine.Tokenization.PostProcessors;

/// <summary>
/// Puts the model's own tokens around the ids of a text or of a pair of texts. Every published post-processor comes down to two such
/// templates; those that only shift offsets are the identity here.
/// </summary>
internal sealed class PostProcessor(IReadOnlyList<TemplatePart> single, IReadOnlyList<TemplatePart> pair)
{
    /// <summary>Adds nothing; a pair is the first text and then the second.</summary>
    public static PostProcessor Identity { get; } = new([TemplatePart.First], [TemplatePart.First, TemplatePart.Second]);

    public bool IsIdentity => ReferenceEquals(this, Identity);

    /// <param name="first">Ids of the text.</param>
    /// <param name="second">Ids of the text that goes with it, or null.</param>
    /// <param name="addSpecialTokens">False leaves out the template's own tokens.</param>
    public int[] Apply(ReadOnlySpan<int> first, List<int>? second, bool addSpecialTokens)
    {
        if (IsIdentity && second is null)
        {
            return first.ToArray();
        }
        var ids = new List<int>(first.Length + (second?.Count ?? 0) + 4);
        foreach (TemplatePart part in second is null ? single : pair)
        {
            if (part.Kind == TemplatePartKind.Tokens)
            {
                ids.AddRange(addSpecialTokens ? part.Ids : []);
            }
            else if (part.Kind == TemplatePartKind.First)
            {
                ids.AddRange(first);
            }
            else
            {
                ids.AddRange(second ?? []);
            }
        }
        return [.. ids];
    }
}
