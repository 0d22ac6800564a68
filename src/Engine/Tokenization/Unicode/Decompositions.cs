using System.Globalization;

namespace KServePaged.Engine.Tokenization.Unicode;

/// <summary>The tables behind Unicode's normalization forms; read from normalization.txt when first needed.</summary>
internal sealed class Decompositions
{
    private const int HangulBase = 0xAC00, HangulCount = 11172, LeadBase = 0x1100, VowelBase = 0x1161, TailBase = 0x11A7;
    private const int VowelCount = 21, TailCount = 28, LeadCount = 19;

    private static readonly Lazy<Decompositions> Instance = new(() => new Decompositions());

    private readonly Dictionary<int, int[]> _canonical = new(2100);
    private readonly Dictionary<int, int[]> _compatible = new(3700);
    private readonly Dictionary<(int, int), int> _compositions = new(1000);
    private readonly Dictionary<int, byte> _classes = new(800);
    private readonly HashSet<int> _joinsBefore = [];
    private readonly HashSet<int> _excluded = [];

    private Decompositions()
    {
        using Stream stream = typeof(Decompositions).Assembly.GetManifestResourceStream("KServePaged.Engine.Tokenization.Unicode.normalization.txt")
            ?? throw new InvalidOperationException("The assembly was built without its Unicode tables.");
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            ReadLine(line);
        }
    }

    public static Decompositions Shared => Instance.Value;

    public byte ClassOf(int codePoint) => codePoint < 0x300 ? (byte)0 : _classes.GetValueOrDefault(codePoint);

    /// <summary>Appends the full decomposition of a character.</summary>
    public void Decompose(int codePoint, bool compatible, List<int> output)
    {
        int hangul = codePoint - HangulBase;
        if ((uint)hangul < HangulCount)
        {
            output.Add(LeadBase + (hangul / (VowelCount * TailCount)));
            output.Add(VowelBase + (hangul / TailCount % VowelCount));
            if (hangul % TailCount != 0)
            {
                output.Add(TailBase + (hangul % TailCount));
            }
        }
        else if (compatible && _compatible.TryGetValue(codePoint, out int[]? full))
        {
            output.AddRange(full);
        }
        else if (_canonical.TryGetValue(codePoint, out int[]? step))
        {
            Decompose(step[0], compatible, output);
            output.AddRange(step.AsSpan(1)); // the second of a pair never decomposes further
        }
        else
        {
            output.Add(codePoint);
        }
    }

    /// <returns>What two characters compose to, or -1.</returns>
    public int Compose(int first, int second)
    {
        int lead = first - LeadBase, vowel = second - VowelBase;
        if ((uint)lead < LeadCount && (uint)vowel < VowelCount)
        {
            return HangulBase + (((lead * VowelCount) + vowel) * TailCount);
        }
        int syllable = first - HangulBase, tail = second - TailBase;
        if ((uint)syllable < HangulCount && syllable % TailCount == 0 && tail is > 0 and < TailCount)
        {
            return first + tail;
        }
        return _compositions.GetValueOrDefault((first, second), -1);
    }

    /// <summary>Whether a form may change the character or what stands before it; everything else stays and separates its neighbours.</summary>
    public bool MayChange(int codePoint, bool compose, bool compatible)
    {
        if (codePoint < 0xA0 || (codePoint < 0x300 && compose && !compatible))
        {
            return false;
        }
        if (_classes.ContainsKey(codePoint) || (compatible && _compatible.ContainsKey(codePoint)))
        {
            return true;
        }
        return compose
            ? _excluded.Contains(codePoint) || _joinsBefore.Contains(codePoint) || codePoint is > LeadBase and <= TailBase + TailCount
            : _canonical.ContainsKey(codePoint) || (uint)(codePoint - HangulBase) < HangulCount;
    }

    private void ReadLine(string line)
    {
        int at = line.IndexOfAny(['=', '~', ':']);
        if (line.StartsWith('#') || at < 0)
        {
            return;
        }
        string key = line[..at];
        if (line[at] == ':')
        {
            string[] range = key.Split('-');
            for (int codePoint = Hex(range[0]); codePoint <= Hex(range[^1]); codePoint++)
            {
                _classes.Add(codePoint, byte.Parse(line.AsSpan(at + 1), CultureInfo.InvariantCulture));
            }
            return;
        }
        int[] parts = [.. line[(at + 1)..].TrimEnd('!').Split(' ').Select(Hex)];
        if (line[at] == '~')
        {
            _compatible.Add(Hex(key), parts);
            return;
        }
        _canonical.Add(Hex(key), parts);
        if (parts.Length == 1 || line.EndsWith('!'))
        {
            _excluded.Add(Hex(key));
        }
        else
        {
            _compositions.Add((parts[0], parts[1]), Hex(key));
            _joinsBefore.Add(parts[1]);
        }
    }

    private static int Hex(string text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
