using System.Text.Json;
using KServePaged.Engine.Tokenization.Models;

namespace KServePaged.Engine.Tokenization.Reading;

/// <summary>The <c>model</c> section taken apart: its large tables in compact form, the rest as it stands in the file.</summary>
internal sealed class RawModel
{
    public Vocabulary? Vocabulary { get; set; }

    /// <summary>By rank; null: the section has no merges.</summary>
    public List<Merge>? Merges { get; set; }

    /// <summary>The scores of a unigram model by id; null: the vocabulary is not one.</summary>
    public double[]? Scores { get; set; }

    public Dictionary<string, JsonElement> Settings { get; } = new(StringComparer.Ordinal);
}
