using System.Buffers;
using System.Globalization;
using System.Text;

namespace KServePaged.Engine.Tokenization.Decoders;

/// <summary>
/// Reads <c>&lt;0x0A&gt;</c> tokens as bytes. A run of them is UTF-8 as a whole, or else one U+FFFD for each of its bytes, however good
/// the others are: so the reference library has it.
/// </summary>
internal sealed class ByteFallbackDecoder : TokenDecoder
{
    public override DecodeStage OnTokens(DecodeStage next, bool streaming) => streaming ? new StreamingStage(next) : new WholeRunStage(next);

    /// <returns>The byte, or -1 for a token that is text.</returns>
    public static int ByteOf(string token) =>
        token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>' && char.IsAsciiHexDigit(token[4])
            && (char.IsAsciiHexDigit(token[3]) || token[3] == '+')
            ? int.Parse(token.AsSpan(token[3] == '+' ? 4 : 3, token[3] == '+' ? 1 : 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
            : -1;

    private sealed class WholeRunStage(DecodeStage next) : DecodeStage(next)
    {
        private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);
        private readonly List<byte> _run = [];

        public override void Push(string token)
        {
            int value = ByteOf(token);
            if (value >= 0)
            {
                _run.Add((byte)value);
                return;
            }
            EndRun();
            Next.Push(token);
        }

        public override void Finish()
        {
            EndRun();
            base.Finish();
        }

        private void EndRun()
        {
            if (_run.Count == 0)
            {
                return;
            }
            byte[] run = [.. _run];
            _run.Clear();
            if (System.Text.Unicode.Utf8.IsValid(run))
            {
                Next.Push(Strict.GetString(run));
                return;
            }
            for (int i = 0; i < run.Length; i++)
            {
                Next.Push("\uFFFD");
            }
        }
    }

    /// <summary>
    /// Passes each character on when it is complete. Waiting for the end of the run would be exact for broken runs too, but would keep
    /// whole words of scripts that the vocabulary lacks from the reader. Once a run is broken the rest of it becomes U+FFFD.
    /// </summary>
    private sealed class StreamingStage(DecodeStage next) : DecodeStage(next)
    {
        private readonly byte[] _partial = new byte[4];
        private int _count;
        private bool _broken;

        public override bool HoldsPartialCharacter => _count > 0;

        public override void Push(string token)
        {
            int value = ByteOf(token);
            if (value < 0)
            {
                EndRun();
                Next.Push(token);
                return;
            }
            _partial[_count++] = (byte)value;
            OperationStatus status = Rune.DecodeFromUtf8(_partial.AsSpan(0, _count), out Rune rune, out _);
            if (status == OperationStatus.Done && !_broken)
            {
                _count = 0;
                Next.Push(rune.ToString());
            }
            else if (status == OperationStatus.InvalidData || _broken)
            {
                _broken = true;
                Replace();
            }
        }

        public override void Finish()
        {
            EndRun();
            base.Finish();
        }

        private void EndRun()
        {
            Replace();
            _broken = false;
        }

        private void Replace()
        {
            for (; _count > 0; _count--)
            {
                Next.Push("\uFFFD");
            }
        }
    }
}
