using System.Globalization;
using System.Text;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.TestModels;

/// <summary>OUTPUT0 = INPUT0 + INPUT1 and OUTPUT1 = INPUT0 - INPUT1, over rows of 16 whole numbers. Those of BYTES are decimal texts.</summary>
internal sealed class AddSubModel(string name, Datatype datatype, TimeProvider clock) : TensorModel(name, Describe(datatype), clock)
{
    protected override async IAsyncEnumerable<TensorResponse> ComputeAsync(
        InferRequest request, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(false); // there is nothing to wait for
        InferTensor left = request.Inputs.First(input => input.Name == "INPUT0");
        InferTensor right = request.Inputs.First(input => input.Name == "INPUT1");
        yield return new TensorResponse(
            [Combine("OUTPUT0", left, right, static (a, b) => unchecked(a + b)), Combine("OUTPUT1", left, right, static (a, b) => unchecked(a - b))], IsLast: true);
    }

    private static ModelDescription Describe(Datatype datatype) => new(
        "kservepaged", 8, [new("INPUT0", datatype, [16]), new("INPUT1", datatype, [16])], [new("OUTPUT0", datatype, [16]), new("OUTPUT1", datatype, [16])], IsDecoupled: false);

    private static InferTensor Combine(string name, InferTensor left, InferTensor right, Func<int, int, int> operation)
    {
        int[] values = [.. Enumerable.Range(0, left.Count).Select(i => operation(ValueAt(left, i), ValueAt(right, i)))];
        return left.Datatype switch
        {
            Datatype.Int32 => InferTensor.OfInt32(name, left.Shape, values),
            Datatype.Int8 => InferTensor.OfRaw(name, Datatype.Int8, left.Shape, values.Select(value => unchecked((byte)value)).ToArray()),
            _ => InferTensor.OfStrings(name, left.Shape, [.. values.Select(value => (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture)))]),
        };
    }

    private static int ValueAt(InferTensor tensor, int index) => tensor.IntegerAt(index) is { } value ? (int)value
        : int.TryParse(tensor.Strings[index].Span, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int parsed) ? parsed
        : throw JsonFields.Invalid($"input '{tensor.Name}': element {index} is no decimal number of 32 bits.", "data");
}
