namespace KServePaged.Engine.Core;

/// <summary>
/// From request threads to the engine thread: new requests, bounded by how many may wait, and the ends of running ones, at most one for each
/// output. The engine thread sleeps here when it has nothing to do.
/// </summary>
/// <param name="capacity">Requests that may wait, here or in the scheduler, before their first step.</param>
internal sealed class Inbox(int capacity)
{
    private readonly object _gate = new();
    private readonly List<CoreRequest> _arrivals = [];
    private readonly List<RequestEnding> _endings = [];
    private int _waiting;
    private bool _closed;
    private bool _woken;

    /// <summary>Whether nobody wants anything of the engine thread at this moment.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_gate)
            {
                return _arrivals.Count + _endings.Count == 0 && !_woken;
            }
        }
    }

    public Submission TrySubmit(CoreRequest request)
    {
        lock (_gate)
        {
            if (_closed)
            {
                return Submission.Closed;
            }
            if (_waiting >= capacity)
            {
                return Submission.Full;
            }
            _waiting++;
            _arrivals.Add(request);
            Monitor.Pulse(_gate);
            return Submission.Accepted;
        }
    }

    public void End(RequestEnding ending)
    {
        lock (_gate)
        {
            _endings.Add(ending);
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Lets the engine thread look around, though there may be no mail.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            _woken = true;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>From now on every submission is refused.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
        }
    }

    /// <summary>Engine thread. A request is no longer waiting: it was scheduled for the first time, or ended before that.</summary>
    public void LeaveQueue()
    {
        lock (_gate)
        {
            _waiting--;
        }
    }

    /// <summary>Engine thread. Moves the mail to the ends of the lists, in order of arrival.</summary>
    public void Take(List<CoreRequest> arrivals, List<RequestEnding> endings)
    {
        lock (_gate)
        {
            arrivals.AddRange(_arrivals);
            endings.AddRange(_endings);
            _arrivals.Clear();
            _endings.Clear();
            _woken = false;
        }
    }

    /// <summary>Engine thread. Sleeps until there is mail or somebody wakes it.</summary>
    public void Wait()
    {
        lock (_gate)
        {
            while (_arrivals.Count + _endings.Count == 0 && !_woken)
            {
                Monitor.Wait(_gate);
            }
        }
    }
}
