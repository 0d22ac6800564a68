namespace KServePaged.Engine.Scheduling;

/// <summary>Where a sequence stands with the scheduler.</summary>
internal enum SequenceState
{
    /// <summary>Holds no blocks; new, or preempted.</summary>
    Waiting,

    /// <summary>Holds the blocks of all its tokens.</summary>
    Running,

    /// <summary>Ended or aborted; holds no blocks and is scheduled no more.</summary>
    Finished,
}
