using System.Text.Json;
using KServePaged.Predictor.Generation;

namespace KServePaged.Predictor.Protocols.OpenInference.TestModels;

/// <summary>
/// OUTPUT = INPUT, and one more for the first request of a sequence. Nothing is kept between requests: Triton's model of this name has the start
/// as its only control input too, so that id and end are for the scheduler alone.
/// </summary>
internal sealed class SequenceModel(TimeProvider clock) : ImmediateModel(
    "simple_sequence",
    new ModelDescription("kservepaged", 8, [new("INPUT", Datatype.Int32, [1])], [new("OUTPUT", Datatype.Int32, [1])], IsDecoupled: false),
    clock)
{
    private const string Start = "sequence_start";

    protected override IReadOnlyList<string> Parameters { get; } = ["sequence_id", Start, "sequence_end"];

    protected override IReadOnlyList<InferTensor> Compute(InferRequest request)
    {
        int start = request.Parameters.TryGetValue(Start, out JsonElement value) && new OptionValue(Start, value).Boolean() ? 1 : 0;
        InferTensor input = request.Inputs[0];
        int[] values = [.. Enumerable.Range(0, input.Count).Select(i => unchecked((int)input.IntegerAt(i)!.Value + start))]; // INT32 by its description
        return [InferTensor.OfInt32("OUTPUT", input.Shape, values)];
    }
}
