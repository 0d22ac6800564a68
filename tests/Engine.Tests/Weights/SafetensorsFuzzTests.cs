using System.Buffers.Binary;
using System.Text;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Tests.Weights;

/// <summary>Whatever is done to a file, opening it and reading every byte of every tensor ends well or in one kind of refusal.</summary>
public sealed class SafetensorsFuzzTests : IDisposable
{
    private static readonly string[] Fragments =
    [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "-1", "0", "9223372036854775807", "18446744073709551616", "1e308", "null", "true", "\"F32\"",
        "\"BF16\"", "\"F4\"", "\"shape\":", "\"data_offsets\":", "\"dtype\":", "\"a\":", "\\ud800", "[[[[[[[[", "\0", " ",
    ];

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Open_WhenFileIsMutated_OpensOrRefuses()
    {
        int cases = Environment.GetEnvironmentVariable("KSERVEPAGED_SLOW") == "1" ? 200_000 : 3_000;
        byte[] valid = new SafetensorsWriter()
            .Add("a", [2, 2], [1f, 2f, 3f, 4f]).Add("b", "BF16", [3], [1, 2, 3, 4, 5, 6]).Add("c", "U8", [0], []).AddZeros("d", 1, 3).ToBytes();
        int opened = 0;
        int refused = 0;
        for (int seed = 0; seed < cases; seed++)
        {
            byte[] mutated = Mutate(valid, new Random(seed));
            string path = _directory.Write("fuzz.safetensors", mutated);
            try
            {
                using SafetensorsFile file = SafetensorsFile.Open(path);
                foreach (StoredTensor tensor in file.Tensors)
                {
                    using MappedRange range = tensor.Map(0, tensor.Bytes);
                    Assert.Equal(tensor.Bytes, range.Span.Length);
                    Assert.InRange(range.Span.IndexOfAnyInRange<byte>(0, 255), -1, 0);
                }
                opened++;
            }
            catch (InvalidDataException)
            {
                refused++; // the one refusal there is; any other exception fails the test below
            }
            catch (Exception exception) when (exception is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {seed}: {exception}");
            }
        }
        Assert.Equal(cases, opened + refused);
        Assert.InRange(opened, 1, refused); // some mutations hit data only; most must be refused
    }

    private static byte[] Mutate(byte[] valid, Random random)
    {
        byte[] bytes = [.. valid];
        for (int round = random.Next(1, 4); round > 0; round--)
        {
            bytes = random.Next(7) switch
            {
                0 => FlipBit(bytes, random),
                1 => bytes[..random.Next(bytes.Length + 1)],
                2 => [.. bytes, .. new byte[random.Next(1, 9)]],
                3 => WithHeaderLength(bytes, random),
                4 => Insert(bytes, Fragments[random.Next(Fragments.Length)], random),
                5 => Delete(bytes, random),
                _ => ReplaceNumber(bytes, random),
            };
            if (bytes.Length < 9)
            {
                break;
            }
        }
        return bytes;
    }

    private static byte[] FlipBit(byte[] bytes, Random random)
    {
        bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
        return bytes;
    }

    private static byte[] WithHeaderLength(byte[] bytes, Random random)
    {
        long length = random.Next(3) switch
        {
            0 => random.NextInt64(long.MinValue, long.MaxValue),
            1 => random.Next(0, bytes.Length + 2),
            _ => BinaryPrimitives.ReadInt64LittleEndian(bytes) + random.Next(-2, 3),
        };
        BinaryPrimitives.WriteInt64LittleEndian(bytes, length);
        return bytes;
    }

    private static byte[] Insert(byte[] bytes, string text, Random random) => ChangeHeader(bytes, header =>
        header.Insert(random.Next(header.Length + 1), text));

    private static byte[] Delete(byte[] bytes, Random random) => ChangeHeader(bytes, header =>
    {
        int at = random.Next(header.Length);
        return header.Remove(at, Math.Min(random.Next(1, 6), header.Length - at));
    });

    private static byte[] ReplaceNumber(byte[] bytes, Random random) => ChangeHeader(bytes, header =>
    {
        int[] digits = [.. Enumerable.Range(0, header.Length).Where(i => char.IsAsciiDigit(header[i]))];
        if (digits.Length == 0)
        {
            return header;
        }
        int at = digits[random.Next(digits.Length)];
        return header.Remove(at, 1).Insert(at, random.NextInt64(-2, long.MaxValue >> random.Next(63)).ToString(System.Globalization.CultureInfo.InvariantCulture));
    });

    /// <summary>Edits the header and, mostly, sets its length right again, so that the edit and not the length is looked at.</summary>
    private static byte[] ChangeHeader(byte[] bytes, Func<string, string> change)
    {
        long length = Math.Clamp(BinaryPrimitives.ReadInt64LittleEndian(bytes), 1, bytes.Length - 8);
        string header = Encoding.Latin1.GetString(bytes, 8, (int)length);
        byte[] changed = Encoding.Latin1.GetBytes(change(header));
        byte[] file = [.. new byte[8], .. changed, .. bytes.AsSpan(8 + (int)length)];
        BinaryPrimitives.WriteInt64LittleEndian(file, changed.Length);
        return file;
    }
}
