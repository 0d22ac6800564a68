using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Tests.Protocols.Fuzz;

/// <summary>Puts mutated requests to an entry. Each is taken or refused as the caller's fault, naming a field, and needs memory in proportion to its size.</summary>
internal static class FuzzRun
{
    // Measured: mapping a sound request takes under 40 times its size; an error's text and stack a few kilobytes.
    private const long BytesPerByte = 300;
    private const long BytesPerCase = 256 << 10;

    // The first cases load code.
    private const int Warmup = 200;

    /// <summary>Of each entry: KSERVEPAGED_FUZZ_CASES, in the slow suites so many that all entries have over a million, else few.</summary>
    public static int Cases { get; } = int.TryParse(Environment.GetEnvironmentVariable("KSERVEPAGED_FUZZ_CASES"), out int cases) ? cases
        : Environment.GetEnvironmentVariable("KSERVEPAGED_SLOW") == "1" ? 150_000
        : 10_000;

    /// <param name="make">A request and its size in bytes.</param>
    /// <param name="serve">Reads it, as an endpoint does.</param>
    /// <param name="show">The request for a failure's message.</param>
    public static void Check<T>(int seed, Func<Random, (T Request, int Size)> make, Action<T> serve, Func<T, string> show)
    {
        int taken = 0;
        for (int i = 0; i < Cases; i++)
        {
            (T request, int size) = make(new Random(unchecked((seed * 1_000_003) + i))); // every case can be made again by itself
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                serve(request);
                taken++;
            }
            catch (RequestException refusal)
            {
                Assert.True(refusal.Code is EngineErrorCode.InvalidArgument or EngineErrorCode.Unsupported, $"case {i}: {refusal.Code}\n{show(request)}");
                Assert.True(refusal.Parameter is not null || refusal.Message.Contains("request", StringComparison.OrdinalIgnoreCase), $"case {i} names no field: {refusal.Message}\n{show(request)}");
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"case {i} of seed {seed}:\n{show(request)}", e);
            }
            if (i < Warmup)
            {
                continue;
            }
            long used = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(used < BytesPerCase + (size * BytesPerByte), $"case {i} of {size} bytes took {used}:\n{show(request)}");
        }
        Assert.InRange(taken, Cases / 100, Cases * 95 / 100); // both ways out are taken
    }
}
