namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>An infer request as REST has it: what is asked, and the form of the answer.</summary>
internal sealed record RestInfer(InferRequest Request, BinaryOutputs Binary);
