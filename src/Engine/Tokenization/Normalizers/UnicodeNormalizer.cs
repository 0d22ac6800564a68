using System.Text;
using KServePaged.Engine.Tokenization.Text;
using KServePaged.Engine.Tokenization.Unicode;

namespace KServePaged.Engine.Tokenization.Normalizers;

/// <summary>NFC, NFD, NFKC and NFKD. Text that is in the form already, nearly all of it, is copied without a table.</summary>
internal sealed class UnicodeNormalizer(bool compose, bool compatible) : Normalizer
{
    // A starter takes up at most three marks.
    public override int Shrinkage => compose ? 4 : 1;

    public override bool Normalize(ReadOnlySpan<byte> text, Utf8Buffer output)
    {
        if (Ascii.IsValid(text))
        {
            output.Append(text);
            return true;
        }
        var segment = new List<int>();
        int copied = 0, safe = 0; // text[copied..safe] goes over unchanged; safe is where the last unchanging character begins
        for (int at = 0, length; at < text.Length; at += length)
        {
            if (!Decompositions.Shared.MayChange(CodePoint.At(text, at, out length), compose, compatible))
            {
                safe = at;
                continue;
            }
            output.Append(text[copied..safe]);
            int end = EndOfSegment(text, at + length);
            NormalizeSegment(text[safe..end], segment, output);
            copied = safe = end;
            length = end - at;
        }
        output.Append(text[copied..]);
        return true;
    }

    private int EndOfSegment(ReadOnlySpan<byte> text, int at)
    {
        while (at < text.Length && Decompositions.Shared.MayChange(CodePoint.At(text, at, out int length), compose, compatible))
        {
            at += length;
        }
        return at;
    }

    private void NormalizeSegment(ReadOnlySpan<byte> text, List<int> segment, Utf8Buffer output)
    {
        segment.Clear();
        for (int at = 0, length; at < text.Length; at += length)
        {
            Decompositions.Shared.Decompose(CodePoint.At(text, at, out length), compatible, segment);
        }
        Order(segment);
        if (compose)
        {
            Compose(segment);
        }
        foreach (int codePoint in segment)
        {
            output.Append(new Rune(codePoint));
        }
    }

    // Marks behind a starter stand in the order of their classes, equal ones as they came.
    private static void Order(List<int> segment)
    {
        for (int start = 0; start < segment.Count; start++)
        {
            int end = start;
            bool ordered = true;
            while (end < segment.Count && Decompositions.Shared.ClassOf(segment[end]) != 0)
            {
                ordered &= end == start || Decompositions.Shared.ClassOf(segment[end - 1]) <= Decompositions.Shared.ClassOf(segment[end]);
                end++;
            }
            if (!ordered)
            {
                int[] sorted = [.. segment.GetRange(start, end - start).OrderBy(mark => Decompositions.Shared.ClassOf(mark))];
                sorted.CopyTo(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(segment)[start..end]);
            }
            start = Math.Max(start, end);
        }
    }

    private static void Compose(List<int> segment)
    {
        int starter = -1, written = 0;
        byte lastClass = 0;
        for (int i = 0; i < segment.Count; i++)
        {
            int codePoint = segment[i];
            byte current = Decompositions.Shared.ClassOf(codePoint);
            bool blocked = starter >= 0 && written > starter + 1 && (lastClass == 0 || lastClass >= current);
            int composed = starter >= 0 && !blocked ? Decompositions.Shared.Compose(segment[starter], codePoint) : -1;
            if (composed >= 0)
            {
                segment[starter] = composed;
                continue;
            }
            if (current == 0)
            {
                starter = written;
            }
            lastClass = current;
            segment[written++] = codePoint;
        }
        segment.RemoveRange(written, segment.Count - written);
    }
}
