namespace KServePaged.Serving.Load;

/// <summary>Lengths drawn evenly, both ends included.</summary>
internal readonly record struct TokenRange(int Low, int High)
{
    public int Draw(Random random) => random.Next(Low, High + 1);
}
