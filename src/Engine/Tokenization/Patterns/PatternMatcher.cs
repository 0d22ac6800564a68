using KServePaged.Engine.Contracts;
using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Patterns;

/// <summary>
/// Runs a compiled pattern by backtracking, as Oniguruma does, with a budget: the patterns of published tokenizers take a few steps a
/// character whatever the text, and one that explodes must not take the server with it. One thread at a time.
/// </summary>
internal sealed class PatternMatcher(Instruction[] steps)
{
    private const long StepsPerByte = 512;

    private Retry[] _stack = new Retry[64];
    private int _depth;
    private long _limit;

    /// <summary>Worth keeping: no text has made it large.</summary>
    public bool IsSmall => _stack.Length <= 1 << 14;

    /// <summary>Steps spent on the text so far.</summary>
    public long Steps { get; private set; }

    /// <summary>Goes on with a text of so many bytes, on which so many steps were spent.</summary>
    public void Begin(int bytes, long spent)
    {
        Steps = spent;
        _limit = StepsPerByte * (bytes + 1024L);
    }

    /// <returns>The end of the match that begins at <paramref name="start"/>, or -1.</returns>
    /// <exception cref="RequestException">The text needs more steps than any sensible pattern does.</exception>
    public int MatchAt(ReadOnlySpan<byte> text, int start) => Run(text, 0, start);

    private int Run(ReadOnlySpan<byte> text, int step, int at)
    {
        int bottom = _depth;
        while (true)
        {
            Spend(1);
            Instruction current = steps[step];
            bool goesOn = true;
            switch (current.Operation)
            {
                case Operation.Accept:
                    _depth = bottom;
                    return at;
                case Operation.Take:
                    goesOn = at < text.Length && current.Set!.Contains(CodePoint.At(text, at, out int length)) && Advance(ref at, length);
                    step++;
                    break;
                case Operation.TakeRun:
                    goesOn = TakeRun(text, current, step + 1, ref at);
                    step++;
                    break;
                case Operation.PreferNext:
                    Push(new Retry(current.Target, at, at));
                    step++;
                    break;
                case Operation.PreferTarget:
                    Push(new Retry(step + 1, at, at));
                    step = current.Target;
                    break;
                case Operation.Jump:
                    step = current.Target;
                    break;
                case Operation.Anchor:
                    goesOn = IsAt(text, at, current.Anchor);
                    step++;
                    break;
                default:
                    goesOn = RunInner(text, current, step + 1, ref at);
                    step = current.Target;
                    break;
            }
            if (!goesOn && !TryRetry(text, bottom, ref step, ref at))
            {
                return -1;
            }
        }
    }

    private bool TakeRun(ReadOnlySpan<byte> text, Instruction run, int next, ref int at)
    {
        int count = 0, least = at;
        while (count < run.Max && at < text.Length && run.Set!.Contains(CodePoint.At(text, at, out int length)))
        {
            at += length;
            least = ++count == run.Min ? at : least;
        }
        Spend(count);
        if (count < run.Min)
        {
            return false;
        }
        if (at > least)
        {
            Push(new Retry(next, at, least));
        }
        return true;
    }

    private bool RunInner(ReadOnlySpan<byte> text, Instruction inner, int first, ref int at)
    {
        if (inner.Operation == Operation.LookBehind)
        {
            return EndsHere(text, inner, first, at) != inner.Negated;
        }
        int end = Run(text, first, at);
        if (inner.Operation == Operation.LookAhead)
        {
            return (end >= 0) != inner.Negated;
        }
        at = end;
        return end >= 0;
    }

    private bool EndsHere(ReadOnlySpan<byte> text, Instruction inner, int first, int at)
    {
        int start = at;
        for (int length = 0; length <= inner.Max; length++)
        {
            if (length >= inner.Min && Run(text[..at], first, start) >= 0)
            {
                return true;
            }
            if (start == 0)
            {
                break;
            }
            CodePoint.Before(text, start, out int bytes);
            start -= bytes;
        }
        return false;
    }

    // A run gives back one character and stays on the stack while it has more.
    private bool TryRetry(ReadOnlySpan<byte> text, int bottom, ref int step, ref int at)
    {
        if (_depth == bottom)
        {
            return false;
        }
        ref Retry retry = ref _stack[_depth - 1];
        step = retry.Step;
        at = retry.At;
        if (at > retry.Least)
        {
            CodePoint.Before(text, at, out int length);
            at -= length;
            retry = retry with { At = at };
        }
        if (at == retry.Least)
        {
            _depth--;
        }
        return true;
    }

    private static bool IsAt(ReadOnlySpan<byte> text, int at, Anchor anchor) => anchor switch
    {
        Anchor.TextStart => at == 0,
        Anchor.TextEnd => at == text.Length,
        Anchor.LastLineEnd => at == text.Length || (at == text.Length - 1 && text[at] == '\n'),
        Anchor.LineStart => at == 0 || (text[at - 1] == '\n' && at < text.Length),
        Anchor.LineEnd => at == text.Length || text[at] == '\n',
        _ => IsWordBorder(text, at) == (anchor == Anchor.WordBorder),
    };

    private static bool IsWordBorder(ReadOnlySpan<byte> text, int at)
    {
        bool before = at > 0 && UnicodeProperties.Word.Contains(CodePoint.Before(text, at, out _));
        bool behind = at < text.Length && UnicodeProperties.Word.Contains(CodePoint.At(text, at, out _));
        return before != behind;
    }

    private static bool Advance(ref int at, int length)
    {
        at += length;
        return true;
    }

    private void Push(Retry retry)
    {
        if (_depth == _stack.Length)
        {
            Array.Resize(ref _stack, _depth * 2);
        }
        _stack[_depth++] = retry;
    }

    private void Spend(int count)
    {
        Steps += count;
        if (Steps > _limit)
        {
            _depth = 0;
            throw new RequestException(EngineErrorCode.InvalidArgument, "The text makes the tokenizer's pattern take more steps than any sensible text does.", "prompt");
        }
    }

    /// <param name="Step">Where to go on.</param>
    /// <param name="At">Where in the text; of a run: its end.</param>
    /// <param name="Least">Where a run has nothing more to give back.</param>
    private readonly record struct Retry(int Step, int At, int Least);
}
