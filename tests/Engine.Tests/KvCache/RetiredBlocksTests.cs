using KServePaged.Engine.KvCache;

namespace KServePaged.Engine.Tests.KvCache;

public sealed class RetiredBlocksTests
{
    private readonly KvCacheManager _cache = new(8, 4, new UInt128(1, 2));

    [Fact]
    public void Retire_WithNoStepUnderWay_FreesAtOnce()
    {
        BlockTable table = Lease(3);
        _cache.Retire(table);
        Assert.Equal((0, 0), (table.Count, _cache.Pool.UsedCount));
    }

    [Fact]
    public void Retire_WithStepsUnderWay_FreesWhenTheYoungestOfThemIsComplete()
    {
        BlockTable first = Lease(3);
        BlockTable second = Lease(2);
        _cache.BeginStep();
        _cache.Retire(first);
        _cache.BeginStep();
        _cache.Retire(second);
        Assert.Equal((0, 0, 5), (first.Count, second.Count, _cache.Pool.UsedCount));
        Verify();
        _cache.CompleteStep();
        Assert.Equal(2, _cache.Pool.UsedCount);
        Verify();
        _cache.CompleteStep();
        Assert.Equal(0, _cache.Pool.UsedCount);
        Verify();
    }

    [Fact]
    public void Retire_OfABlockThatAnotherTableHolds_LeavesItThere()
    {
        BlockTable table = Lease(1);
        int block = table.Blocks[0];
        _cache.Pool.Retain(block);
        _cache.BeginStep();
        _cache.Retire(table);
        _cache.CompleteStep();
        Assert.Equal(1, _cache.Pool.References(block));
    }

    [Fact]
    public void Verify_WhenABlockOutlivesItsStep_Throws()
    {
        BlockTable table = Lease(1);
        _cache.BeginStep();
        _cache.Retire(table);
        _cache.Pool.Release(_cache.RetiredBlocks.Single(), worthKeeping: false);
        Assert.Contains("references", Assert.Throws<InvalidOperationException>(Verify).Message, StringComparison.Ordinal);
    }

    private BlockTable Lease(int blocks)
    {
        var table = new BlockTable();
        using KvReservation reservation = _cache.Reserve();
        Assert.True(reservation.TryExtend(table, blocks * 4));
        reservation.Commit();
        return table;
    }

    private void Verify() => new KvCacheInvariants(_cache).Verify();
}
