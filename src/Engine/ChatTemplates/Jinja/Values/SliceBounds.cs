using System.Numerics;

namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>A slice fitted to a length, as Python fits it: nothing is out of range, a negative end counts from the back.</summary>
internal readonly record struct SliceBounds(long Start, long Stop, long Step, int Count)
{
    public static SliceBounds Of(Value start, Value stop, Value step, int length)
    {
        long stride = step.IsNone ? 1 : Bounded(step);
        if (stride == 0)
        {
            throw new TemplateException("slice step cannot be zero");
        }
        bool forward = stride > 0;
        long low = forward ? 0 : -1;
        long high = forward ? length : length - 1;
        long from = start.IsNone ? (forward ? low : high) : Fit(Bounded(start), length, low, high);
        long to = stop.IsNone ? (forward ? high : low) : Fit(Bounded(stop), length, low, high);
        long span = forward ? to - from : from - to;
        long count = span <= 0 ? 0 : ((span - 1) / Math.Abs(stride)) + 1;
        return new SliceBounds(from, to, stride, (int)count);
    }

    public int At(int index) => (int)(Start + (index * Step));

    private static long Fit(long index, int length, long low, long high) =>
        Math.Clamp(index < 0 ? index + length : index, low, high);

    /// <summary>Beyond ± 2^40 every index means the same; the cut keeps the sums above from overflowing.</summary>
    private static long Bounded(Value value)
    {
        const long Far = 1L << 40;
        if (value.IsUndefined || !value.IsIntegral)
        {
            throw new TemplateException("slice indices must be integers or None or have an __index__ method");
        }
        return (long)BigInteger.Max(-Far, BigInteger.Min(Far, value.AsBigInteger));
    }
}
