namespace KServePaged.Engine.Tokenization.Patterns;

/// <summary>A set of code points: sorted ranges for its algebra, a bitmap of the first plane for its membership.</summary>
internal sealed class CodePointSet
{
    public const int Limit = 0x110000;

    private const int BitmapLimit = 0x10000;

    private readonly int[] _borders; // start, end, start, end…; ends are exclusive
    private ulong[]? _bitmap;

    private CodePointSet(int[] borders) => _borders = borders;

    public static CodePointSet Empty { get; } = new([]);

    public static CodePointSet All { get; } = new([0, Limit]);

    public bool IsEmpty => _borders.Length == 0;

    /// <summary>Nothing beyond ASCII.</summary>
    public bool IsAscii => IsEmpty || _borders[^1] <= 128;

    public static CodePointSet Of(int codePoint) => new([codePoint, codePoint + 1]);

    /// <param name="first">First code point.</param>
    /// <param name="last">Last code point, not smaller.</param>
    public static CodePointSet Range(int first, int last) => new([first, last + 1]);

    /// <param name="pairs">First and last of each range, ascending and apart.</param>
    public static CodePointSet FromPairs(int[] pairs)
    {
        var set = new RangeList();
        for (int i = 0; i < pairs.Length; i += 2)
        {
            set.Add(pairs[i], pairs[i + 1] + 1);
        }
        return new CodePointSet(set.ToArray());
    }

    /// <summary>Goes over all code points: for tables that are made once.</summary>
    public static CodePointSet Where(Func<int, bool> isMember)
    {
        var set = new RangeList();
        for (int codePoint = 0; codePoint < Limit; codePoint++)
        {
            if (isMember(codePoint))
            {
                set.Add(codePoint, codePoint + 1);
            }
        }
        return new CodePointSet(set.ToArray());
    }

    public bool Contains(int codePoint)
    {
        if (codePoint < BitmapLimit)
        {
            return (((_bitmap ??= MakeBitmap())[codePoint >> 6] >> codePoint) & 1) != 0;
        }
        int at = Array.BinarySearch(_borders, codePoint);
        // A border found: even ones begin a range. Otherwise inside where the number of borders before is odd.
        return at >= 0 ? (at & 1) == 0 : (~at & 1) == 1;
    }

    public CodePointSet Union(CodePointSet other) => Combine(other, (a, b) => a || b);

    public CodePointSet Intersect(CodePointSet other) => Combine(other, (a, b) => a && b);

    public CodePointSet Invert() => All.Combine(this, (_, inside) => !inside);

    /// <summary>Members, for small sets.</summary>
    public IEnumerable<int> Members()
    {
        for (int i = 0; i < _borders.Length; i += 2)
        {
            for (int codePoint = _borders[i]; codePoint < _borders[i + 1]; codePoint++)
            {
                yield return codePoint;
            }
        }
    }

    private CodePointSet Combine(CodePointSet other, Func<bool, bool, bool> isMember)
    {
        var result = new RangeList();
        int i = 0, j = 0, at = 0;
        while (at < Limit)
        {
            int next = Math.Min(i < _borders.Length ? _borders[i] : Limit, j < other._borders.Length ? other._borders[j] : Limit);
            if (next > at && isMember((i & 1) == 1, (j & 1) == 1))
            {
                result.Add(at, next);
            }
            at = next;
            while (i < _borders.Length && _borders[i] == at)
            {
                i++;
            }
            while (j < other._borders.Length && other._borders[j] == at)
            {
                j++;
            }
        }
        return new CodePointSet(result.ToArray());
    }

    private ulong[] MakeBitmap()
    {
        var bitmap = new ulong[BitmapLimit / 64];
        for (int i = 0; i < _borders.Length; i += 2)
        {
            for (int codePoint = _borders[i]; codePoint < Math.Min(_borders[i + 1], BitmapLimit); codePoint++)
            {
                bitmap[codePoint >> 6] |= 1UL << codePoint;
            }
        }
        return bitmap;
    }

    private sealed class RangeList
    {
        private readonly List<int> _borders = [];

        public void Add(int start, int end)
        {
            if (_borders.Count > 0 && _borders[^1] == start)
            {
                _borders[^1] = end;
            }
            else
            {
                _borders.AddRange([start, end]);
            }
        }

        public int[] ToArray() => [.. _borders];
    }
}
