using KServePaged.Engine.KvCache;

namespace KServePaged.Engine.Tests.KvCache;

public sealed class BlockPoolTests
{
    [Fact]
    public void Take_FromAFreshPool_GoesByNumber()
    {
        var pool = new BlockPool(3);
        Assert.Equal([0, 1, 2], [pool.Take(), pool.Take(), pool.Take()]);
        Assert.Equal(0, pool.FreeCount);
        Assert.Equal(3, pool.UsedCount);
    }

    [Fact]
    public void Take_WhenEmpty_Throws()
    {
        var pool = new BlockPool(1);
        pool.Take();
        Assert.Throws<InvalidOperationException>(() => pool.Take());
    }

    [Fact]
    public void Release_OfWorthlessBlocks_PutsThemFirst_OthersLast()
    {
        var pool = new BlockPool(4);
        for (int i = 0; i < 3; i++)
        {
            pool.Take();
        }
        pool.Release(0, worthKeeping: true);
        pool.Release(1, worthKeeping: false);
        pool.Release(2, worthKeeping: true);
        int[] free = new int[4];
        Assert.Equal(4, pool.CopyFreeTo(free));
        Assert.Equal([1, 3, 0, 2], free);
    }

    [Fact]
    public void Retain_OfAFreeBlock_TakesItOutOfTheMiddle()
    {
        var pool = new BlockPool(3);
        pool.Retain(1);
        Assert.Equal(1, pool.References(1));
        Assert.Equal([0, 2], [pool.Take(), pool.Take()]);
    }

    [Fact]
    public void Release_WhileOthersHoldTheBlock_KeepsIt()
    {
        var pool = new BlockPool(1);
        int block = pool.Take();
        pool.Retain(block);
        pool.Release(block, worthKeeping: true);
        Assert.Equal(0, pool.FreeCount);
        pool.Release(block, worthKeeping: true);
        Assert.Equal(1, pool.FreeCount);
        Assert.Throws<InvalidOperationException>(() => pool.Release(block, worthKeeping: true));
    }
}
