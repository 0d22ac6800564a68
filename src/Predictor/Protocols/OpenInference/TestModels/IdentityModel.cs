namespace KServePaged.Predictor.Protocols.OpenInference.TestModels;

/// <summary>OUTPUT0 = INPUT0, bytes as they are.</summary>
internal sealed class IdentityModel(TimeProvider clock) : ImmediateModel(
    "simple_identity",
    new ModelDescription("kservepaged", 8, [new("INPUT0", Datatype.Bytes, [-1])], [new("OUTPUT0", Datatype.Bytes, [-1])], IsDecoupled: false),
    clock)
{
    protected override IReadOnlyList<InferTensor> Compute(InferRequest request) =>
        [InferTensor.OfStrings("OUTPUT0", request.Inputs[0].Shape, request.Inputs[0].Strings)];
}
