using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Tests.Models;

/// <summary>Decides what each step of a <see cref="ModelRun"/> computes.</summary>
internal interface ISchedule
{
    void Fill(StepPlan plan, IReadOnlyList<Trace> pending);
}
