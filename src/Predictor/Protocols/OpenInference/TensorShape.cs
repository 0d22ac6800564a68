using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>The number of elements that a shape promises.</summary>
internal static class TensorShape
{
    /// <exception cref="RequestException">A negative size, or more elements than any request may hold.</exception>
    public static int Count(IReadOnlyList<long> shape, string tensor)
    {
        long count = 1;
        for (int i = 0; i < shape.Count; i++)
        {
            long size = shape[i];
            if (size < 0)
            {
                throw JsonFields.Invalid($"input '{tensor}': a size in 'shape' must be at least 0, not {size}.", "shape");
            }
            count = size == 0 ? 0 : count <= int.MaxValue / size
                ? count * size
                : throw JsonFields.Invalid($"input '{tensor}': its shape holds more than {int.MaxValue} elements.", "shape");
        }
        return (int)count;
    }
}
