using KServePaged.Engine.Execution;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Core;

/// <summary>A step from its plan to its result. Reused.</summary>
internal sealed class CoreStep(StepResult result)
{
    public StepPlan Plan { get; } = new();

    public StepResult Result { get; } = result;
}
