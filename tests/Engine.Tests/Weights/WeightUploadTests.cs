using KServePaged.Engine.Configuration;
using KServePaged.Engine.Execution;
using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models;
using KServePaged.Engine.Tests.Execution;
using KServePaged.Engine.Weights;
using KServePaged.Engine.Weights.Formats;
using KServePaged.Kernels.Emulation;

namespace KServePaged.Engine.Tests.Weights;

/// <summary>A checkpoint brought onto a GPU by several threads.</summary>
[Collection(nameof(CudaEmulation))]
public sealed class WeightUploadTests : IDisposable
{
    private const int Threads = 4;

    private readonly TemporaryDirectory _directory = TinyModel.Write();
    private readonly Reports _reports = new();

    public void Dispose()
    {
        CudaEmulation.Set(Ailment.None);
        _directory.Dispose();
    }

    [Theory]
    [InlineData("none")]
    [InlineData("int4")]
    public void Load_BySeveralThreads_GivesTheBitsOfOneAndKeepsTheWeightsAlone(string quantization)
    {
        long before = CudaEmulation.Counts.MemoryBytes;
        float[][] expected = Products(quantization, threads: 0);
        float[][] actual = Products(quantization, Threads);

        Assert.Equal(expected, actual);
        Assert.NotEmpty(actual);
        Assert.Equal(before, CudaEmulation.Counts.MemoryBytes);
    }

    [Fact]
    public void Finish_ReportsEveryByteOnceInRisingOrder()
    {
        using Loading loading = Open("none", Threads);
        loading.Load();

        Assert.Equal(_reports.All.Order(), _reports.All);
        Assert.Equal(_reports.All.Distinct(), _reports.All);
        Assert.Equal(loading.Weights.BytesTotal, _reports.All[^1]);
        Assert.True(_reports.All.Count > 20);
    }

    [Theory]
    [InlineData("model.layers.0.self_attn.k_proj.weight")]
    [InlineData("model.layers.1.mlp.down_proj.weight")]
    public void Finish_WhenOneOfTheMatricesIsBroken_NamesIt(string tensor)
    {
        Break(tensor);
        using Loading loading = Open("none", Threads);

        var refused = Assert.Throws<InvalidDataException>(loading.Load);

        Assert.Contains($"{tensor} holds NaN in row 3, column 7", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_WhenTheDeviceFailsInTheMiddle_Ends()
    {
        _reports.OnFirst = () => CudaEmulation.Set(Ailment.Fault);
        using Loading loading = Open("none", Threads);

        var failed = Assert.Throws<KernelException>(loading.Load);

        Assert.Equal(KernelStatus.DeviceError, failed.Status);
        Assert.Contains("illegal memory access", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_WhenCancelledInTheMiddle_Ends()
    {
        using var cancellation = new CancellationTokenSource();
        _reports.OnFirst = cancellation.Cancel;
        using Loading loading = Open("none", Threads, cancellation.Token);

        Assert.ThrowsAny<OperationCanceledException>(loading.Load);
    }

    [Fact]
    public void ModelLoader_WhenTheDeviceFailsInTheMiddle_EndsAndFreesEverything()
    {
        long before = CudaEmulation.Counts.MemoryBytes;
        _reports.OnFirst = () => CudaEmulation.Set(Ailment.Fault);
        var options = new EngineOptions { ModelPath = _directory.Path, Device = CudaEmulation.Library, KvCacheBytes = 1 << 20, MaxSequences = 4 };

        Assert.Throws<KernelException>(() => ModelLoader.Load(options, _reports, new Warnings(), CancellationToken.None));

        Assert.Equal(before, CudaEmulation.Counts.MemoryBytes);
    }

    /// <summary>All but the graphs, which the driver takes; a step's own numbers and the kernels' counters, of fixed small size, are in no plan.</summary>
    [Fact]
    public void ModelLoader_OnAGpu_TakesWhatThePlanSays()
    {
        long before = CudaEmulation.Counts.MemoryBytes;
        var options = new EngineOptions { ModelPath = _directory.Path, Device = CudaEmulation.Library, KvCacheBytes = 1 << 20, MaxSequences = 4 };
        using LoadedModel model = ModelLoader.Load(options, _reports, new Warnings(), CancellationToken.None);
        long taken = CudaEmulation.Counts.MemoryBytes - before;
        long planned = model.Memory.Where(part => part.Part != "graphs").Sum(part => part.Bytes);
        Assert.InRange(taken, planned, planned + (256 << 10));
    }

    [Fact]
    public void Plan_OfAGpu_CountsTheUploadAndTheGraphs()
    {
        using Loading loading = Open("none", Threads);
        Device device = loading.Weights.Device;
        DecoderSpec spec = ModelRegistry.Describe(ModelConfig.Load(_directory.Path));
        var options = new EngineOptions { ModelPath = _directory.Path, KvCacheBytes = 1 << 20, MaxSequences = 4, MaxBatchedTokens = 32 };

        MemoryLedger ledger = new EnginePlanner(options, spec, device).Resolve(LinearFormat.Plain(ElementType.Float32)).Memory;

        long weights = ledger.Parts.Single(part => part.Part == MemoryLedger.Weights).Bytes;
        Assert.Equal(WeightLoader.ThreadsFor(device.Info) * device.LinearLaneBytes(32) + weights, ledger.LoadPeak);
        Assert.InRange(WeightLoader.ThreadsFor(device.Info), 1, 4);
        Assert.Equal(
            spec.Manifest().Linears.Max(linear => device.LinearScratchBytes(linear.OutFeatures, linear.InFeatures, LinearFormat.Plain(ElementType.Float32))),
            ledger.Parts.Single(part => part.Part == "inputs of products").Bytes);
        // Three numbers of rows, one context; two products of two kernels' launches and two others in each half of two layers, the head's, and 16.
        const long Kernels = (2 * ((2 * 4) + 1)) + (2 * 2) + 16;
        Assert.Equal(3 * Kernels * (64 << 10), ledger.Parts.Single(part => part.Part == "graphs").Bytes);
        Assert.Contains("; beside the weights while they are loaded ", ledger.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Less is free than the upload takes beside the weights, though the rest of the plan would fit.</summary>
    [Fact]
    public void Plan_WhenTheUploadDoesNotFit_Refuses()
    {
        using Loading loading = Open("none", Threads);
        DecoderSpec spec = ModelRegistry.Describe(ModelConfig.Load(_directory.Path));
        var options = new EngineOptions { ModelPath = _directory.Path, KvCacheBytes = 1 << 20, MemoryBytes = 6 << 20, MaxSequences = 4, MaxBatchedTokens = 32 };

        var refused = Assert.Throws<InvalidDataException>(() => new EnginePlanner(options, spec, loading.Weights.Device).Resolve(LinearFormat.Plain(ElementType.Float32)));

        Assert.Contains("beside the weights while they are loaded", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>Each matrix times one column of every input feature, which shows every weight.</summary>
    private float[][] Products(string quantization, int threads)
    {
        using Loading loading = Open(quantization, threads);
        return [.. loading.Load().Select(linear => Product(loading.Weights, linear.Matrix))];
    }

    private static float[] Product(WeightLoader weights, PackedLinear matrix)
    {
        int rows = (int)matrix.InFeatures;
        float[] identity = new float[rows * rows];
        for (int i = 0; i < rows; i++)
        {
            identity[(i * rows) + i] = 1;
        }
        using DeviceBuffer x = weights.Device.Allocate(identity.Length * sizeof(float));
        using DeviceBuffer y = weights.Device.Allocate(rows * matrix.OutFeatures * sizeof(float));
        weights.Stream.Write<float>(x.Address, identity);
        weights.Stream.Linear(matrix, new LinearArguments
        {
            X = x.Address,
            XType = ElementType.Float32,
            XStride = rows,
            Rows = rows,
            Y = y.Address,
            YStride = matrix.OutFeatures,
        });
        float[] product = new float[rows * matrix.OutFeatures];
        weights.Stream.ReadAndSynchronize<float>(y.Address, product);
        return product;
    }

    private Loading Open(string quantization, int threads, CancellationToken cancellationToken = default) =>
        new(_directory.Path, Quantization.FormatOf(quantization, ElementType.Float32), threads, _reports, cancellationToken);

    private void Break(string tensor)
    {
        string path = Path.Combine(_directory.Path, "model.safetensors");
        long offset;
        using (SafetensorsFile file = SafetensorsFile.Open(path))
        {
            StoredTensor stored = file.Tensors.Single(candidate => candidate.Name == tensor);
            offset = stored.OffsetBytes + (((3 * stored.Shape[1]) + 7) * sizeof(float));
        }
        using FileStream written = File.OpenWrite(path);
        written.Position = offset;
        written.Write(BitConverter.GetBytes(float.NaN));
    }

    /// <summary>The bytes of each report, and something to do at the first that has any.</summary>
    private sealed class Reports : IProgress<LoadProgress>
    {
        public List<long> All { get; } = [];

        public Action? OnFirst { get; set; }

        public void Report(LoadProgress value)
        {
            if (value.Stage == "weights")
            {
                All.Add(value.BytesDone);
            }
            if (value.BytesDone > 0)
            {
                OnFirst?.Invoke();
                OnFirst = null;
            }
        }
    }

    private sealed class Loading : IDisposable
    {
        private readonly List<IDisposable> _owned = [];
        private readonly WeightManifest _manifest;

        public Loading(string path, LinearFormat storage, int threads, IProgress<LoadProgress> progress, CancellationToken cancellationToken)
        {
            _manifest = ModelRegistry.Describe(ModelConfig.Load(path)).Manifest();
            Device device = Own(Device.Open(KernelLibrary.Open(CudaEmulation.Library)));
            DeviceStream stream = Own(device.OpenStream());
            Checkpoint checkpoint = Own(Checkpoint.Open(path));
            Weights = new WeightLoader(checkpoint, WeightFormats.Choose(null), storage, stream, _owned, progress, cancellationToken) { ThreadCount = threads };
            Weights.Check(_manifest);
        }

        public WeightLoader Weights { get; }

        public LinearWeight[] Load()
        {
            LinearWeight[] linears = [.. _manifest.Linears.Select(Weights.Linear)];
            foreach (VectorSpec vector in _manifest.Vectors)
            {
                Weights.Vector(vector);
            }
            foreach (TableSpec table in _manifest.Tables)
            {
                Weights.Table(table);
            }
            Weights.Finish();
            return linears;
        }

        public void Dispose()
        {
            Weights.Dispose();
            _owned.AsEnumerable().Reverse().ToList().ForEach(item => item.Dispose());
        }

        private T Own<T>(T item)
            where T : IDisposable
        {
            _owned.Add(item);
            return item;
        }
    }
}
