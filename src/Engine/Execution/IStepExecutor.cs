using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Execution;

/// <summary>Runs one planned step on the device. Engine thread only.</summary>
internal interface IStepExecutor
{
    /// <summary>Computes the planned tokens and fills <paramref name="result"/>; complete when it returns.</summary>
    /// <exception cref="Kernels.KernelException">The device failed; nothing of the step counts.</exception>
    void Execute(StepPlan plan, StepResult result);
}
