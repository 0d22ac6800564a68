using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Tests.Harness;
using KServePaged.Kernels.Tests.Oracle;

namespace KServePaged.Kernels.Tests;

/// <summary>What a product ends with beside being stored: the bits of the separate calls, whatever the number of rows.</summary>
public sealed class LinearEpilogueTests
{
    internal sealed record Case(
        Epilogue Epilogue, int Rows, int Out, int In, LinearFormat Format, ElementType YType, Activation Activation = Activation.Silu, bool Bias = false, int Skew = 0, bool Integers = false)
    {
        public int Width => Epilogue == Epilogue.Gate ? Out / 2 : Out;

        /// <summary>Where weights are bf16, what came before wrote bf16.</summary>
        public ElementType XType => Format.Type == ElementType.BFloat16 && !Integers ? ElementType.BFloat16 : ElementType.Float32;
    }

    private static readonly LinearFormat Int8 = new() { Type = ElementType.BFloat16, Bits = 8, Group = 32, ScaleType = ElementType.BFloat16 };
    private static readonly LinearFormat Int4 = new() { Type = ElementType.BFloat16, Bits = 4, Group = 64, ScaleType = ElementType.Float16, ZeroPoints = 1 };
    private static readonly LinearFormat Int4Floats = new() { Type = ElementType.Float32, Bits = 4, ScaleType = ElementType.Float32 };
    private static readonly LinearFormat Dynamic = new() { Type = ElementType.BFloat16, Bits = 8, ScaleType = ElementType.Float32, DynamicInputs = 1 };

    private static readonly LinearFormat Float8 = new() { Type = ElementType.BFloat16, Bits = 8, FloatCodes = 1, ScaleType = ElementType.Float32 };

    private static IEnumerable<LinearFormat> Formats(KernelTarget target) =>
        [.. Enum.GetValues<ElementType>().Select(LinearFormat.Plain), Int8, Int4, Int4Floats, Dynamic, .. target.HasFloatCodes ? [Float8] : Array.Empty<LinearFormat>()];

    private static readonly Epilogue[] Norms = [Epilogue.AddRmsNorm, Epilogue.AddLayerNorm];

    /// <summary>Of every kind of row: none, one, whole and part tiles, more than the kernels for few take; rows of the norms' small and large teams.</summary>
    private static IEnumerable<Case> NormCases(KernelTarget target) =>
        from shape in new (int Rows, int Out, int In)[] { (0, 8, 5), (1, 1, 3), (3, 17, 31), (1, 1100, 128), (2, 1027, 64), (9, 1028, 20), (33, 40, 64), (64, 130, 72), (65, 99, 128), (140, 1028, 40), (1024, 24, 32), (1030, 24, 32) }
        from format in Formats(target)
        let odd = (shape.Rows + format.Bits) % 2
        select new Case(
            Norms[(shape.Out + format.Bits + (int)format.Type) % 2], shape.Rows, shape.Out, shape.In, format,
            odd == 1 ? ElementType.Float32 : ElementType.BFloat16, Bias: shape.Rows % 2 == 1, Skew: odd);

    private static IEnumerable<Case> GateCases(KernelTarget target) =>
        from shape in new (int Rows, int Out, int In)[] { (0, 8, 5), (1, 2, 3), (3, 26, 31), (1, 344, 64), (9, 16, 128), (33, 90, 64), (64, 256, 72), (65, 98, 128), (140, 130, 40), (1024, 24, 32), (1030, 24, 32) }
        from format in Formats(target)
        let odd = (shape.Rows + format.Bits) % 2
        select new Case(
            Epilogue.Gate, shape.Rows, shape.Out, shape.In, format, odd == 1 ? ElementType.Float32 : ElementType.BFloat16,
            (Activation)((shape.Out + format.Bits + (int)format.Type) % 4), Bias: shape.Rows % 2 == 1, Skew: odd);

    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void AddAndNorm_EachCase_HasTheBitsOfTheSeparateCalls(KernelTarget target) => Rig.RunTable(target, NormCases(target), (rig, c) =>
    {
        var run = new Run(rig, c);
        (float[] y, float[] residual) = run.Fused(0, c.Rows);
        (float[] expected, float[] added) = run.Separate();
        Expect.SameBits(added, residual, "residual");
        Expect.SameBits(expected, y);
    });

    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void Gate_EachCase_HasTheBitsOfTheSeparateCalls(KernelTarget target) => Rig.RunTable(target, GateCases(target), (rig, c) =>
    {
        var run = new Run(rig, c);
        Expect.SameBits(run.Separate().Y, run.Fused(0, c.Rows).Y);
    });

    /// <summary>Rows of two tiles that norm and gate in the wide kernel's launch, where a device has it, and in the calls behind it for more.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.Variant), MemberType = typeof(KernelTarget))]
    public void Epilogue_WhereBitsMayDependOnRows_HasTheBitsOfTheSeparateCalls(KernelTarget target)
    {
        IEnumerable<Case> cases =
            from epilogue in new[] { Epilogue.AddRmsNorm, Epilogue.AddLayerNorm, Epilogue.Gate }
            from shape in new (int Rows, int Out, int In)[] { (65, 300, 70), (131, 258, 128), (200, 1100, 64), (1030, 140, 32) }
            from format in Formats(target)
            select new Case(epilogue, shape.Rows, shape.Out, shape.In, format, shape.Rows == 65 ? ElementType.BFloat16 : ElementType.Float32, Bias: shape.Rows == 131);
        Rig.RunTable(target, cases, (rig, c) =>
        {
            var run = new Run(rig, c);
            (float[] y, float[] residual) = run.Fused(0, c.Rows);
            (float[] expected, float[] added) = run.Separate();
            Expect.SameBits(expected, y);
            if (c.Epilogue != Epilogue.Gate)
            {
                Expect.SameBits(added, residual, "residual");
            }
        });
    }

    /// <summary>Whole numbers: products are exact, so nothing but the norm or the activation rounds.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Epilogue_OfWholeNumbers_MatchesTheOracle(KernelTarget target)
    {
        IEnumerable<Case> cases =
            from epilogue in new[] { Epilogue.AddRmsNorm, Epilogue.AddLayerNorm, Epilogue.Gate }
            from shape in new (int Rows, int Out, int In)[] { (1, 1026, 40), (5, 34, 64), (66, 50, 12) }
            from type in Enum.GetValues<ElementType>()
            let yType = shape.Rows == 5 ? ElementType.BFloat16 : ElementType.Float32
            select new Case(epilogue, shape.Rows, shape.Out, shape.In, LinearFormat.Plain(type), yType, (Activation)(shape.In % 4), Bias: true, Integers: true);
        Rig.RunTable(target, cases, CheckWholeNumbers);
    }

    /// <summary>Batch invariance over all that changes with rows: tiles, teams, the kernels for few and for many.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Epilogue_OfFewerRows_HasTheSameBits(KernelTarget target)
    {
        IEnumerable<Case> cases =
            from format in Formats(target)
            from epilogue in new[] { Epilogue.AddRmsNorm, Epilogue.Gate }
            select new Case(epilogue, 70, epilogue == Epilogue.Gate ? 42 : 70, 128, format, ElementType.Float32);
        Rig.RunTable(target, cases, (rig, c) =>
        {
            var run = new Run(rig, c);
            (float[] together, float[] residual) = run.Fused(0, c.Rows);
            IEnumerable<int> counts = target.IsEmulated && !Rig.IsSlow ? [1, 2, 3, 8, 9, 16, 17, 33, 64, 65] : Enumerable.Range(1, c.Rows);
            foreach (int rows in counts)
            {
                int first = rows * 31 % (c.Rows - rows + 1);
                (float[] y, float[] added) = run.Fused(first, rows);
                Expect.SameBits(together.AsSpan(first * c.Width, rows * c.Width), y, $"{rows} rows from {first}");
                Expect.SameBits(residual.AsSpan(first * c.Out, rows * c.Out), added, $"residual of {rows} rows from {first}");
            }
        });
    }

    /// <summary>A gated matrix stores its products where its checkpoint has the rows, as if it were not gated.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Store_OfAGatedMatrix_HasTheBitsOfAPlainOne(KernelTarget target) => Rig.RunTable(
        target,
        from format in Formats(target) from rows in new[] { 5, 65 } select new Case(Epilogue.Gate, rows, 54, 70, format, ElementType.Float32, Bias: true),
        (rig, c) => Expect.SameBits(
            new Run(rig, c with { Epilogue = Epilogue.Store }).Product(0, c.Rows), new Run(rig, c).Product(0, c.Rows)));

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Epilogue_WithNonFiniteInputs_KeepsThemInTheirRow(KernelTarget target) => Rig.RunTable(
        target,
        from epilogue in new[] { Epilogue.AddRmsNorm, Epilogue.AddLayerNorm, Epilogue.Gate }
        from out_ in new[] { 40, 1030 }
        select new Case(epilogue, 5, out_, 64, LinearFormat.Plain(ElementType.BFloat16), ElementType.Float32),
        (rig, c) =>
        {
            float[] clean = new Run(rig, c).Fused(0, c.Rows).Y;
            float[] x = Run.Inputs(c);
            x[(1 * c.In) + 9] = float.NaN;
            x[(3 * c.In) + 63] = float.PositiveInfinity;
            float[] dirty = new Run(rig, c, x).Fused(0, c.Rows).Y;
            foreach (int row in new[] { 0, 2, 4 })
            {
                Expect.SameBits(clean.AsSpan(row * c.Width, c.Width), dirty.AsSpan(row * c.Width, c.Width), $"row {row}");
            }
            Assert.All(dirty[c.Width..(2 * c.Width)], value => Assert.True(float.IsNaN(value)));
        });

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Epilogue_WithBadArguments_Refuses(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        using PackedLinear plain = rig.Device.CreateLinear(8, 8, LinearFormat.Plain(ElementType.Float32));
        using PackedLinear gated = rig.Device.CreateLinear(8, 8, LinearFormat.Plain(ElementType.Float32) with { Gated = 1 });
        Expect.InvalidArgument(() => rig.Device.CreateLinear(7, 8, LinearFormat.Plain(ElementType.Float32) with { Gated = 1 }), "odd rows");
        nint x = rig.Upload(new float[16]).Address;
        nint y = rig.Allocate<float>(16).Address;
        nint other = rig.Upload(new float[16]).Address;
        LinearArguments norm = new()
        {
            X = x,
            XStride = 8,
            Rows = 2,
            Y = y,
            YStride = 8,
            Epilogue = Epilogue.AddRmsNorm,
            Product = other,
            Residual = rig.Upload(new float[16]).Address,
            NormWeight = x,
            Eps = 1e-5f,
        };
        LinearArguments gate = norm with { YStride = 4, Epilogue = Epilogue.Gate };

        rig.Stream.Linear(plain, norm);
        rig.Stream.Linear(gated, gate);
        rig.Stream.Linear(plain, norm with { Rows = 0, X = 0, Y = 0, Product = 0, Residual = 0, NormWeight = 0 });
        Expect.InvalidArgument(() => rig.Stream.Linear(plain, gate), "a plain matrix gates");
        Expect.InvalidArgument(() => rig.Stream.Linear(gated, gate with { YStride = 8 }), "y stride");
        Expect.InvalidArgument(() => rig.Stream.Linear(gated, gate with { Activation = (Activation)4 }), "activation");
        Expect.InvalidArgument(() => rig.Stream.Linear(gated, gate with { Product = 0 }), "product");
        Expect.InvalidArgument(() => rig.Stream.Linear(gated, gate with { YType = ElementType.Float16 }), "y type");
        Expect.InvalidArgument(() => rig.Stream.Linear(plain, norm with { Epilogue = (Epilogue)4 }), "epilogue");
        Expect.InvalidArgument(() => rig.Stream.Linear(plain, norm with { Residual = 0 }), "residual");
        Expect.InvalidArgument(() => rig.Stream.Linear(plain, norm with { NormWeight = 0 }), "norm weight");
        Expect.InvalidArgument(() => rig.Stream.Linear(plain, norm with { NormBias = x }), "an rms norm has no bias");
        Expect.InvalidArgument(() => rig.Stream.Linear(plain, norm with { Eps = float.NaN }), "eps");
        Expect.InvalidArgument(() => rig.Stream.Linear(plain, norm with { YStride = 9 }), "gaps");
        Expect.InvalidArgument(() => rig.Stream.Linear(plain, norm with { Epilogue = Epilogue.Store, YType = ElementType.BFloat16 }), "type of a stored product");
    }

    private static void CheckWholeNumbers(Rig rig, Case c)
    {
        (float[] y, float[] residual) = new Run(rig, c).Fused(0, c.Rows);
        double[] product = LinearOracle.Product(Run.Inputs(c), Run.Weights(c), Run.BiasOf(c), c.Rows, c.Out, c.In).Y;
        double roundoff = c.YType == ElementType.Float32 ? 0 : Elements.UnitRoundoff(c.YType);
        if (c.Epilogue != Epilogue.Gate)
        {
            Expect.SameBits([.. product.Zip(Run.ResidualOf(c), (p, r) => (float)p + r)], residual, "residual");
        }
        for (int row = 0; row < c.Rows; row++)
        {
            ReadOnlySpan<float> normed = residual.AsSpan(row * c.Out, c.Epilogue == Epilogue.Gate ? 0 : c.Out);
            (double[] expected, double[] bound) = c.Epilogue switch
            {
                Epilogue.AddRmsNorm => NormOracle.Rms(normed, Run.NormWeight(c), NormCase.Epsilon, roundoff),
                Epilogue.AddLayerNorm => NormOracle.Layer(normed, Run.NormWeight(c), Run.NormBias(c), NormCase.Epsilon, roundoff),
                _ => Gated(c, product.AsSpan(row * c.Out, c.Out), roundoff + Elements.UnitRoundoff(ElementType.Float32)),
            };
            Expect.Near(expected, y.AsSpan(row * c.Width, c.Width), bound, $"row {row}");
        }
    }

    private static (double[] Y, double[] Bound) Gated(Case c, ReadOnlySpan<double> product, double roundoff)
    {
        double[] y = new double[c.Width];
        double[] bound = new double[c.Width];
        for (int i = 0; i < c.Width; i++)
        {
            y[i] = ActivationOracle.Apply(c.Activation, product[i]) * product[c.Width + i];
            bound[i] = (Math.Abs(y[i]) * (4e-7 + roundoff)) + (Math.Abs(product[c.Width + i]) * 3e-37) + 1e-40;
        }
        return (y, bound);
    }

    /// <summary>A packed matrix and what goes with it on a device.</summary>
    private sealed class Run
    {
        private readonly Rig _rig;
        private readonly Case _case;
        private readonly PackedLinear _linear;
        private readonly nint _x;
        private readonly nint _bias;
        private readonly nint _normWeight;
        private readonly nint _normBias;

        public Run(Rig rig, Case c, float[]? x = null)
        {
            (_rig, _case) = (rig, c);
            _linear = rig.Own(rig.Device.CreateLinear(c.Out, c.In, c.Format with { Gated = c.Epilogue == Epilogue.Gate ? 1 : 0 }));
            _linear.Load(0, c.Out, Elements.Encode(Weights(c), ElementType.Float32), ElementType.Float32);
            _x = rig.Upload(Elements.Encode(x ?? Inputs(c), c.XType)).Address;
            _bias = BiasOf(c) is { } bias ? rig.Upload(bias, c.Skew).Address : 0;
            _normWeight = rig.Upload(NormWeight(c), c.Skew).Address;
            _normBias = rig.Upload(NormBias(c), c.Skew).Address;
        }

        public static float[] Weights(Case c) => Numbers(c, 21, (long)c.Out * c.In);

        public static float[] Inputs(Case c) => Numbers(c, 22, (long)c.Rows * c.In);

        public static float[]? BiasOf(Case c) => c.Bias ? Numbers(c, 23, c.Out) : null;

        public static float[] ResidualOf(Case c) => Numbers(c, 24, (long)c.Rows * c.Out);

        public static float[] NormWeight(Case c) => new Noise(25 + c.Out).Normals(c.Out, 0.5, 1);

        public static float[] NormBias(Case c) => new Noise(26 + c.Out).Normals(c.Out);

        /// <summary>The products of the rows [first, first + rows), stored.</summary>
        public float[] Product(int first, int rows) => Store(first, rows).Read();

        public (float[] Y, float[] Residual) Fused(int first, int rows)
        {
            DeviceArray<float> residual = _rig.Upload(ResidualOf(_case).AsSpan(first * _case.Out, rows * _case.Out), _case.Skew);
            DeviceArray<byte> y = Output(rows);
            bool gates = _case.Epilogue == Epilogue.Gate;
            _rig.Stream.Linear(_linear, new LinearArguments
            {
                X = Row(first),
                XType = _case.XType,
                XStride = _case.In,
                Rows = rows,
                Bias = _bias,
                Y = y.Address,
                YStride = _case.Width,
                YType = _case.YType,
                Epilogue = _case.Epilogue,
                Activation = _case.Activation,
                Product = _rig.Allocate<float>((long)rows * _case.Out).Address,
                Residual = gates ? 0 : residual.Address,
                NormWeight = gates ? 0 : _normWeight,
                NormBias = _case.Epilogue == Epilogue.AddLayerNorm ? _normBias : 0,
                Eps = NormCase.Epsilon,
            });
            return (Elements.Decode(y.Read(), _case.YType), residual.Read());
        }

        /// <summary>The same by one call after the other.</summary>
        public (float[] Y, float[] Residual) Separate()
        {
            Case c = _case;
            nint product = Store(0, c.Rows).Address;
            DeviceArray<float> residual = _rig.Upload(ResidualOf(c));
            DeviceArray<byte> y = Output(c.Rows);
            switch (c.Epilogue)
            {
                case Epilogue.AddRmsNorm:
                    _rig.Stream.RmsNorm(product, residual.Address, _normWeight, y.Address, c.YType, c.Rows, c.Out, NormCase.Epsilon);
                    break;
                case Epilogue.AddLayerNorm:
                    _rig.Stream.LayerNorm(product, residual.Address, _normWeight, _normBias, y.Address, c.YType, c.Rows, c.Out, NormCase.Epsilon);
                    break;
                default:
                    _rig.Stream.GatedActivation(c.Activation, product, y.Address, c.YType, c.Rows, c.Width);
                    break;
            }
            return (Elements.Decode(y.Read(), c.YType), residual.Read());
        }

        private DeviceArray<float> Store(int first, int rows)
        {
            DeviceArray<float> product = _rig.Allocate<float>((long)rows * _case.Out);
            _rig.Stream.Linear(_linear, Row(first), _case.XType, _case.In, rows, _bias, product.Address, _case.Out);
            return product;
        }

        private nint Row(int row) => _x + ((nint)row * _case.In * _case.XType.Bytes());

        private DeviceArray<byte> Output(int rows) => _rig.Allocate<byte>((long)rows * _case.Width * _case.YType.Bytes(), _case.Skew * _case.YType.Bytes());

        private static float[] Numbers(Case c, int seed, long count) =>
            c.Integers ? new Noise(seed + c.In).Integers(count, 8) : new Noise(seed + c.In).Normals(count, 0.5, 0.1);
    }
}
