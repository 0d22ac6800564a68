using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Execution;

/// <summary>Runs a planned step: forward pass, then sampling with the step's one read-back.</summary>
internal sealed class ModelExecutor(ForwardPass forward, StepSampler sampler) : IStepExecutor
{
    /// <summary>For whoever wants the logits themselves.</summary>
    public ForwardPass Forward => forward;

    public void Execute(StepPlan plan, StepResult result)
    {
        nint logits = forward.Run(plan);
        sampler.Sample(plan, forward.Stream, logits, forward.VocabularySize, result);
        if (plan.LogitCount == 0)
        {
            forward.Stream.Synchronize(); // nothing was read back, and the step must be complete
        }
    }
}
