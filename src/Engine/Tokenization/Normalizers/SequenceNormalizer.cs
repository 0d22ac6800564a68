using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Normalizers;

/// <summary>One normalizer after the other.</summary>
internal sealed class SequenceNormalizer(IReadOnlyList<Normalizer> steps) : Normalizer
{
    public override int Shrinkage => (int)Math.Min(int.MaxValue, steps.Aggregate(1L, (product, step) => Math.Min(int.MaxValue, product * step.Shrinkage)));

    public override bool Normalize(ReadOnlySpan<byte> text, Utf8Buffer output)
    {
        Utf8Buffer current = new(), next = new();
        bool keepsStart = true;
        for (int i = 0; i + 1 < steps.Count; i++)
        {
            next.Clear();
            keepsStart &= steps[i].Normalize(i == 0 ? text : current.Written, next);
            (current, next) = (next, current);
        }
        if (steps.Count == 0)
        {
            output.Append(text);
            return true;
        }
        return steps[^1].Normalize(steps.Count == 1 ? text : current.Written, output) && keepsStart;
    }
}
