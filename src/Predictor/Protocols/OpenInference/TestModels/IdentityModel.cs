namespace KServePaged.Predictor.Protocols.OpenInference.TestModels;

/// <summary>OUTPUT0 = INPUT0, bytes as they are.</summary>
internal sealed class IdentityModel(TimeProvider clock) : TensorModel(
    "simple_identity",
    new ModelDescription("kservepaged", 8, [new("INPUT0", Datatype.Bytes, [-1])], [new("OUTPUT0", Datatype.Bytes, [-1])], IsDecoupled: false),
    clock)
{
    protected override async IAsyncEnumerable<TensorResponse> ComputeAsync(
        InferRequest request, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(false); // there is nothing to wait for
        yield return new TensorResponse([InferTensor.OfStrings("OUTPUT0", request.Inputs[0].Shape, request.Inputs[0].Strings)], IsLast: true);
    }
}
