using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Normalizers;

/// <summary>One normalizer after the other.</summary>
internal sealed class SequenceNormalizer(IReadOnlyList<Normalizer> steps) : Normalizer
{
    public override void Normalize(ReadOnlySpan<byte> text, Utf8Buffer output)
    {
        Utf8Buffer current = new(), next = new();
        for (int i = 0; i + 1 < steps.Count; i++)
        {
            next.Clear();
            steps[i].Normalize(i == 0 ? text : current.Written, next);
            (current, next) = (next, current);
        }
        if (steps.Count == 0)
        {
            output.Append(text);
        }
        else
        {
            steps[^1].Normalize(steps.Count == 1 ? text : current.Written, output);
        }
    }
}
