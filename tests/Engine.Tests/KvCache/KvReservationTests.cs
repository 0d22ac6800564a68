using KServePaged.Engine.KvCache;

namespace KServePaged.Engine.Tests.KvCache;

public sealed class KvReservationTests
{
    private const int BlockTokens = 4;
    private static readonly UInt128 Key = new(0x0123456789abcdef, 0xfedcba9876543210);

    [Fact]
    public void TryAdmit_WhenBlocksSuffice_TakesThemForAllTokens()
    {
        var cache = new KvCacheManager(4, BlockTokens, Key);
        BlockTable table = Findable(cache);
        Admit(cache, table, Tokens(9));
        Assert.Equal([0, 1, 2], table.Blocks.ToArray());
        Assert.Equal(3, cache.Pool.UsedCount);
    }

    [Fact]
    public void TryAdmit_WhenRefused_ChangesNothing()
    {
        var cache = new KvCacheManager(4, BlockTokens, Key);
        BlockTable held = Findable(cache);
        Admit(cache, held, Tokens(8));
        cache.Register(held, Tokens(8), 8);
        cache.Release(held);
        int[] before = FreeOrder(cache);

        using (KvReservation reservation = cache.Reserve())
        {
            // Two of the four blocks that it needs would be hits; hits in the free list are not free twice.
            BlockTable table = Findable(cache);
            Assert.Null(reservation.TryAdmit(table, Tokens(17), 17, 0, usePrefix: true));
            Assert.Null(reservation.TryAdmit(table, Tokens(16), 16, 1, usePrefix: true));
            Assert.Equal(0, table.Count);
            reservation.Commit();
        }
        Assert.Equal(before, FreeOrder(cache));
        Assert.Equal(2, cache.Prefixes.Count);
    }

    [Fact]
    public void TryAdmit_WhenThePrefixIsKnown_SharesItsFullBlocks()
    {
        var cache = new KvCacheManager(8, BlockTokens, Key);
        BlockTable first = Findable(cache);
        Admit(cache, first, Tokens(10));
        cache.Register(first, Tokens(10), 10);

        BlockTable second = Findable(cache);
        Assert.Equal(8, Admit(cache, second, Tokens(12)));
        Assert.Equal(first.Blocks[..2].ToArray(), second.Blocks[..2].ToArray());
        Assert.NotEqual(first.Blocks[2], second.Blocks[2]);
        Assert.Equal(2, cache.Pool.References(first.Blocks[0]));
    }

    [Fact]
    public void TryAdmit_WhenAllOfThePromptIsKnown_LeavesOneTokenToCompute()
    {
        var cache = new KvCacheManager(8, BlockTokens, Key);
        BlockTable first = Findable(cache);
        Admit(cache, first, Tokens(8));
        cache.Register(first, Tokens(8), 8);
        Assert.Equal(4, Admit(cache, Findable(cache), Tokens(8)));
        Assert.Equal(8, Admit(cache, Findable(cache), Tokens(9)));
    }

    [Fact]
    public void TryAdmit_WhenBlocksWereNotComputed_FindsNothing()
    {
        var cache = new KvCacheManager(8, BlockTokens, Key);
        BlockTable first = Findable(cache);
        Admit(cache, first, Tokens(9));
        cache.Register(first, Tokens(9), 7);
        Assert.Equal(4, Admit(cache, Findable(cache), Tokens(9)));
    }

    [Fact]
    public void TryAdmit_UnderAnotherSaltOrAPrivateRoot_FindsNothing()
    {
        var cache = new KvCacheManager(32, BlockTokens, Key);
        UInt128?[] roots = [cache.Hasher.Root(null), cache.Hasher.Root("a"), cache.Hasher.Root("b"), cache.Hasher.Root(""), cache.Hasher.PrivateRoot(7)];
        foreach (UInt128? root in roots)
        {
            var table = new BlockTable { ChainRoot = root };
            Assert.Equal(0, Admit(cache, table, Tokens(9)));
            cache.Register(table, Tokens(9), 9);
        }
        Assert.Equal(0, Admit(cache, new BlockTable(), Tokens(9)));
        Assert.Equal(8, Admit(cache, new BlockTable { ChainRoot = cache.Hasher.Root("b") }, Tokens(9)));
    }

    [Fact]
    public void TryAdmit_WhenBlocksRunOut_ForgetsTheLeastRecentlyReleasedTailFirst()
    {
        var cache = new KvCacheManager(4, BlockTokens, Key);
        BlockTable old = Findable(cache);
        Admit(cache, old, Tokens(16));
        cache.Register(old, Tokens(16), 16);
        cache.Release(old);
        Admit(cache, Findable(cache), Tokens(5, start: 1000));

        BlockTable again = Findable(cache);
        Assert.Equal(2, cache.Prefixes.Count);
        Assert.Equal(4, Admit(cache, again, Tokens(8)));
        Assert.Equal(old.HashOf(0), cache.Prefixes.HashOf(again.Blocks[0]));
    }

    [Fact]
    public void TryExtend_WhenABlockIsMissing_TakesOneOrRefuses()
    {
        var cache = new KvCacheManager(2, BlockTokens, Key);
        BlockTable table = Findable(cache);
        Admit(cache, table, Tokens(4));
        using KvReservation reservation = cache.Reserve();
        Assert.True(reservation.TryExtend(table, 4));
        Assert.Equal(1, table.Count);
        Assert.True(reservation.TryExtend(table, 5));
        Assert.Equal(2, table.Count);
        Assert.False(reservation.TryExtend(table, 9));
        Assert.Equal(2, table.Count);
        reservation.Commit();
    }

    [Fact]
    public void Dispose_WithoutCommit_GivesBackWhatTheStepTook()
    {
        var cache = new KvCacheManager(8, BlockTokens, Key);
        BlockTable running = Findable(cache);
        Admit(cache, running, Tokens(8));
        cache.Register(running, Tokens(8), 8);
        BlockTable admitted = Findable(cache);
        using (KvReservation reservation = cache.Reserve())
        {
            Assert.True(reservation.TryExtend(running, 13));
            Assert.Equal(4, reservation.TryAdmit(admitted, Tokens(8), 20, 0, usePrefix: true));
        }
        Assert.Equal(2, running.Count);
        Assert.Equal(0, admitted.Count);
        Assert.Equal(2, cache.Pool.UsedCount);
        var invariants = new KvCacheInvariants(cache);
        invariants.Add(running, Tokens(8), 8);
        invariants.Verify();
    }

    [Fact]
    public void Reserve_WhileAStepIsOpen_Throws()
    {
        var cache = new KvCacheManager(2, BlockTokens, Key);
        using KvReservation reservation = cache.Reserve();
        Assert.Throws<InvalidOperationException>(() => cache.Reserve());
    }

    [Fact]
    public void Register_OfTheSameContentTwice_KeepsTheFirst()
    {
        var cache = new KvCacheManager(4, BlockTokens, Key);
        BlockTable first = Findable(cache);
        BlockTable second = Findable(cache);
        Admit(cache, first, Tokens(4));
        Admit(cache, second, Tokens(4));
        cache.Register(first, Tokens(4), 4);
        cache.Register(second, Tokens(4), 4);
        Assert.True(cache.Prefixes.IsRegistered(first.Blocks[0]));
        Assert.False(cache.Prefixes.IsRegistered(second.Blocks[0]));
        Assert.Equal(1, cache.Prefixes.Count);
    }

    private static BlockTable Findable(KvCacheManager cache) => new() { ChainRoot = cache.Hasher.Root(null) };

    private static int[] Tokens(int count, int start = 0) => [.. Enumerable.Range(start, count)];

    private static int[] FreeOrder(KvCacheManager cache)
    {
        int[] free = new int[cache.Pool.FreeCount];
        cache.Pool.CopyFreeTo(free);
        return free;
    }

    private static int? Admit(KvCacheManager cache, BlockTable table, int[] tokens)
    {
        using KvReservation reservation = cache.Reserve();
        int? cached = reservation.TryAdmit(table, tokens, tokens.Length, 0, usePrefix: true);
        Assert.NotNull(cached);
        reservation.Commit();
        return cached;
    }
}
