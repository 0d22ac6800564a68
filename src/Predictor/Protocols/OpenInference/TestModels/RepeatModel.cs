using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.TestModels;

/// <summary>
/// One response for each element of IN: the element as OUT and its index as IDX, each after its own DELAY. The request is held for WAIT at
/// least. All times are milliseconds.
/// </summary>
internal sealed class RepeatModel(TimeProvider clock) : TensorModel(
    "repeat_int32",
    new ModelDescription(
        "kservepaged", 0,
        [new("IN", Datatype.Int32, [-1]), new("DELAY", Datatype.Uint32, [-1]), new("WAIT", Datatype.Uint32, [1])],
        [new("OUT", Datatype.Int32, [1]), new("IDX", Datatype.Uint32, [1])],
        IsDecoupled: true),
    clock)
{
    private readonly TimeProvider _clock = clock;

    protected override async IAsyncEnumerable<TensorResponse> ComputeAsync(
        InferRequest request, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long began = _clock.GetTimestamp();
        InferTensor values = request.Inputs.First(input => input.Name == "IN");
        InferTensor delays = request.Inputs.First(input => input.Name == "DELAY");
        if (delays.Count != values.Count)
        {
            throw JsonFields.Invalid($"DELAY has {delays.Count} elements for the {values.Count} of IN.", "shape");
        }
        for (int i = 0; i < values.Count; i++)
        {
            await DelayAsync(Milliseconds(delays, i), cancellationToken).ConfigureAwait(false);
            yield return new TensorResponse(
                [InferTensor.OfRaw("OUT", Datatype.Int32, [1], values.Raw.Slice(i * sizeof(int), sizeof(int))), InferTensor.OfUint32("IDX", [(uint)i])],
                IsLast: i == values.Count - 1);
        }
        TimeSpan left = Milliseconds(request.Inputs.First(input => input.Name == "WAIT"), 0) - _clock.GetElapsedTime(began);
        if (left > TimeSpan.Zero)
        {
            await DelayAsync(left, cancellationToken).ConfigureAwait(false);
        }
    }

    // UINT32 by the description; Task.Delay's own limit is one less than the largest.
    private static TimeSpan Milliseconds(InferTensor tensor, int index) => TimeSpan.FromMilliseconds(Math.Min(tensor.IntegerAt(index)!.Value, uint.MaxValue - 1));
}
