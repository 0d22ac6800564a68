namespace KServePaged.Engine.Kernels;

internal sealed unsafe partial class DeviceStream
{
    /// <summary>
    /// product[r, o] = sum_i x[r, i] * linear[o, i] + bias[o], summed in f32 in an order that rows and threads do not change, and what
    /// <see cref="LinearArguments.Epilogue"/> makes of it.
    /// </summary>
    /// <param name="linear">Every row loaded.</param>
    /// <param name="arguments">All but the linear.</param>
    public void Linear(PackedLinear linear, LinearArguments arguments)
    {
        arguments.Linear = linear.Handle;
        Functions.Check(Functions.kp_linear_forward(Handle, (nint)(&arguments)), nameof(Linear));
    }
}
