using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Execution;

/// <summary>Runs planned steps on the device, in the order in which they are begun. Engine thread only.</summary>
internal interface IStepExecutor
{
    /// <summary>
    /// Whether the device works on a step while the host does something else, so that the next one may be begun before it is complete. Otherwise
    /// a step has run when <see cref="Begin"/> returns.
    /// </summary>
    bool RunsAhead { get; }

    /// <summary>Starts a step. The plan is read before it returns.</summary>
    /// <param name="plan">At least one sequence.</param>
    /// <param name="result">Filled by the <see cref="Complete"/> that belongs to the step.</param>
    /// <exception cref="Kernels.KernelException">The device failed; nothing of the step counts.</exception>
    void Begin(StepPlan plan, StepResult result);

    /// <summary>Waits for the oldest step that is under way.</summary>
    /// <exception cref="Kernels.KernelException">The device failed; nothing of the steps under way counts.</exception>
    void Complete();

    /// <summary>Does a piece of what makes later steps faster. To be called when nobody waits for the host.</summary>
    /// <returns>False when there is nothing to do.</returns>
    bool Prepare();
}
