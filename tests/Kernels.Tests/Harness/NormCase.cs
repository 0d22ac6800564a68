using KServePaged.Engine.Kernels;

namespace KServePaged.Kernels.Tests.Harness;

/// <summary>One shape, type and use of the residual of a norm; both norms run the same table.</summary>
internal sealed record NormCase(int Tokens, int Hidden, ElementType YType, bool HasX, bool HasResidual, double Scale = 1, double Mean = 0, int Skew = 0, bool InPlace = false)
{
    public const float Epsilon = 1e-5f;

    public static IEnumerable<NormCase> Table
    {
        get
        {
            foreach (ElementType type in new[] { ElementType.Float32, ElementType.BFloat16 })
            {
                foreach ((int tokens, int hidden) in new[] { (0, 8), (1, 1), (3, 2), (2, 7), (5, 16), (3, 31), (1, 64), (4, 100), (2, 288), (3, 1023), (9, 2048), (2, 4099) })
                {
                    yield return new NormCase(tokens, hidden, type, HasX: true, HasResidual: false);
                    yield return new NormCase(tokens, hidden, type, HasX: true, HasResidual: true);
                    yield return new NormCase(tokens, hidden, type, HasX: false, HasResidual: true);
                }
                yield return new NormCase(3, 100, type, HasX: true, HasResidual: true, Skew: 1);
                yield return new NormCase(3, 515, type, HasX: true, HasResidual: false, Skew: 3);
                yield return new NormCase(3, 515, type, HasX: true, HasResidual: true, Scale: 1e15);
                yield return new NormCase(3, 515, type, HasX: true, HasResidual: true, Scale: 1e-18);
                yield return new NormCase(3, 515, type, HasX: true, HasResidual: true, Scale: 0);
                yield return new NormCase(3, 4096, type, HasX: true, HasResidual: true, Scale: 1, Mean: 30);
            }
            yield return new NormCase(4, 100, ElementType.Float32, HasX: true, HasResidual: false, InPlace: true);
            yield return new NormCase(4, 100, ElementType.Float32, HasX: true, HasResidual: true, InPlace: true);
        }
    }

    public float[] Weight => new Noise(Hidden + 1).Normals(Hidden, 0.5, 1);

    public float[] Bias => new Noise(Hidden + 2).Normals(Hidden);

    public float[] X => new Noise(Hidden + 3).Normals((long)Tokens * Hidden, Scale, Mean * Scale);

    public float[] Residual => new Noise(Hidden + 4).Normals((long)Tokens * Hidden, Scale, Mean * Scale);

    /// <summary>What the norm is taken of: exactly one f32 addition an element.</summary>
    public float[] Normed => !HasResidual ? X : !HasX ? Residual : [.. X.Zip(Residual, (x, r) => r + x)];
}
