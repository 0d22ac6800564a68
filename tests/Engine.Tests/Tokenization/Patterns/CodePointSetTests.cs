using KServePaged.Engine.Tokenization.Patterns;

namespace KServePaged.Engine.Tests.Tokenization.Patterns;

public sealed class CodePointSetTests
{
    [Fact]
    public void Algebra_OnRandomSets_IsThatOfTheirMembers()
    {
        var random = new Random(31);
        for (int round = 0; round < 50; round++)
        {
            CodePointSet a = Random(random), b = Random(random);
            CodePointSet union = a.Union(b), both = a.Intersect(b), not = a.Invert();
            for (int i = 0; i < 500; i++)
            {
                int codePoint = random.Next(2) == 0 ? random.Next(0x200) : 0xFF00 + random.Next(0x200);
                Assert.Equal(a.Contains(codePoint) || b.Contains(codePoint), union.Contains(codePoint));
                Assert.Equal(a.Contains(codePoint) && b.Contains(codePoint), both.Contains(codePoint));
                Assert.NotEqual(a.Contains(codePoint), not.Contains(codePoint));
            }
        }
    }

    private static CodePointSet Random(Random random)
    {
        CodePointSet set = CodePointSet.Empty;
        for (int i = 0; i < 6; i++)
        {
            int first = (random.Next(2) == 0 ? 0 : 0xFF00) + random.Next(0x180);
            set = set.Union(CodePointSet.Range(first, first + random.Next(0x40)));
        }
        return set;
    }
}
