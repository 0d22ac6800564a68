using KServePaged.Predictor.Hosting;

namespace KServePaged.Predictor.Protocols.OpenInference.TestModels;

/// <summary>
/// The models that Triton's client examples run against, behind --test_models: with them its examples become a conformance run. What they
/// compute, and their names, types and shapes, are those of Triton's model repository of examples.
/// </summary>
internal static class TestModels
{
    /// <summary>The server's name while they are served: Triton's health examples end at once with any other.</summary>
    public const string ServerName = "triton";

    public static IReadOnlyList<ServedModel> Create(TimeProvider clock) =>
    [
        new AddSubModel("simple", Datatype.Int32, clock),
        new AddSubModel("simple_int8", Datatype.Int8, clock),
        new AddSubModel("simple_string", Datatype.Bytes, clock),
        new IdentityModel(clock),
        new SequenceModel(clock),
        new RepeatModel(clock),
    ];
}
