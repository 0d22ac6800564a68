namespace KServePaged.Predictor.Hosting;

/// <summary>What a model has done since the server started. A request is an infer, a generate, or one request of a gRPC stream.</summary>
/// <param name="LastInferenceMs">When the last successful request arrived, milliseconds since 1970; 0 = never.</param>
/// <param name="InferenceCount">Prompts of the successful requests.</param>
/// <param name="Success">Answered requests, and the time from their arrival to their whole answer.</param>
/// <param name="Fail">Refused and failed requests.</param>
/// <param name="Cancel">Requests whose caller left or stopped waiting.</param>
/// <param name="ComputeInput">Reading and mapping, of the successful requests.</param>
/// <param name="Queue">From the engine's acceptance of a request to its first step.</param>
/// <param name="ComputeInfer">Generating, without that wait.</param>
/// <param name="ComputeOutput">Assembling whole answers; a stream's are assembled as it generates.</param>
internal readonly record struct InferenceCounts(
    ulong LastInferenceMs = 0, ulong InferenceCount = 0, InferenceDurations Success = default, InferenceDurations Fail = default,
    InferenceDurations Cancel = default, InferenceDurations ComputeInput = default, InferenceDurations Queue = default, InferenceDurations ComputeInfer = default,
    InferenceDurations ComputeOutput = default);
