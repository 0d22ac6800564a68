using KServePaged.Engine.Weights.Formats;

namespace KServePaged.Engine.Weights;

/// <summary>Compares a checkpoint with what a model needs of it.</summary>
internal static class ManifestCheck
{
    /// <summary>Every tensor that is needed, by name; a matrix that also serves as a table is there once.</summary>
    public static Dictionary<string, TensorNeed> NeedsOf(WeightManifest manifest, IWeightFormat format)
    {
        IEnumerable<TensorNeed> needs = manifest.Linears
            .SelectMany(linear => linear.Parts.SelectMany(part => PartNeeds(part, linear.InFeatures, format)))
            .Concat(manifest.Vectors.Select(vector => new TensorNeed(vector.Name, vector.Length)))
            .Concat(manifest.Tables.Select(table => new TensorNeed(table.Name, table.Rows, table.Columns)));
        return needs.DistinctBy(need => need.Name).ToDictionary(need => need.Name, StringComparer.Ordinal);
    }

    /// <exception cref="InvalidDataException">A tensor is missing, has another shape or type, or is used by nothing.</exception>
    public static void Compare(Checkpoint checkpoint, WeightManifest manifest, Dictionary<string, TensorNeed> needs)
    {
        var missing = new List<string>();
        var unfit = new List<string>();
        foreach (TensorNeed need in needs.Values)
        {
            if (!checkpoint.Tensors.TryGetValue(need.Name, out StoredTensor? tensor))
            {
                missing.Add(need.Name);
            }
            else if (!tensor.Shape.SequenceEqual(need.Shape))
            {
                unfit.Add($"{need.Name} has shape {tensor.ShapeText}, needed is [{string.Join(", ", need.Shape)}]");
            }
            else if (tensor.Type.ToElementType() is null)
            {
                unfit.Add($"{need.Name} is stored as {tensor.Type}, needed is float32, bfloat16 or float16");
            }
        }
        List<string> unused = [.. checkpoint.Tensors.Keys.Where(name => !needs.ContainsKey(name) && !IsRedundant(checkpoint, manifest, name))];
        unused.Sort(StringComparer.Ordinal);
        if (missing.Count + unfit.Count + unused.Count > 0)
        {
            throw new InvalidDataException(
                $"{checkpoint.Directory}: the weights do not fit config.json." + Sentence("Missing", missing) + Sentence("Unfit", unfit) +
                Sentence("In the checkpoint but used by nothing", unused));
        }
    }

    private static IEnumerable<TensorNeed> PartNeeds(LinearPart part, int inFeatures, IWeightFormat format) => part.HasBias
        ? format.Needs(part, inFeatures).Append(new TensorNeed($"{part.Name}.bias", part.OutFeatures))
        : format.Needs(part, inFeatures);

    private static bool IsRedundant(Checkpoint checkpoint, WeightManifest manifest, string name) =>
        manifest.DerivedSuffixes.Any(suffix => name.EndsWith(suffix, StringComparison.Ordinal)) ||
        (manifest.Copies.TryGetValue(name, out string? original) &&
            checkpoint.Tensors.TryGetValue(original, out StoredTensor? tensor) &&
            HoldsSameBytes(checkpoint.Tensors[name], tensor));

    private static bool HoldsSameBytes(StoredTensor copy, StoredTensor original)
    {
        const long PieceBytes = 32L << 20;
        if (copy.Type != original.Type || !copy.Shape.SequenceEqual(original.Shape))
        {
            return false;
        }
        for (long at = 0; at < copy.Bytes; at += PieceBytes)
        {
            long count = Math.Min(PieceBytes, copy.Bytes - at);
            using MappedRange left = copy.Map(at, count);
            using MappedRange right = original.Map(at, count);
            if (!left.Span.SequenceEqual(right.Span))
            {
                return false;
            }
        }
        return true;
    }

    private static string Sentence(string what, List<string> names) => names.Count == 0 ? "" : $" {what}: {Excerpt.Of(names)}.";
}
