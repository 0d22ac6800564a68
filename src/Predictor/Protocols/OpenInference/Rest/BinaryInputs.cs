using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>The binary part of an infer request: the raw tensors one after the other, in the order of the inputs that claim them.</summary>
internal sealed class BinaryInputs(ReadOnlyMemory<byte> bytes)
{
    public const string SizeParameter = "binary_data_size";

    private int _taken;

    /// <returns>The next tensor's bytes, borrowed from the body.</returns>
    /// <exception cref="RequestException">The size is no size, or reaches beyond the body.</exception>
    public ReadOnlyMemory<byte> Take(string input, JsonElement size)
    {
        if (size.ValueKind != JsonValueKind.Number || !size.TryGetInt64(out long length) || length < 0)
        {
            throw JsonFields.Invalid($"input '{input}': '{SizeParameter}' must be a number of bytes of at least 0.", SizeParameter);
        }
        int left = bytes.Length - _taken;
        if (length > left)
        {
            throw JsonFields.Invalid($"input '{input}': '{SizeParameter}' is {length}, {left} bytes are left of the {bytes.Length} behind the JSON header.", SizeParameter);
        }
        ReadOnlyMemory<byte> tensor = bytes.Slice(_taken, (int)length);
        _taken += (int)length;
        return tensor;
    }

    /// <exception cref="RequestException">Bytes are left that no input has claimed.</exception>
    public void RequireEnd()
    {
        if (_taken != bytes.Length)
        {
            throw JsonFields.Invalid($"the body has {bytes.Length} bytes behind its JSON header, the inputs claim {_taken}.", SizeParameter);
        }
    }
}
