using KServePaged.Predictor.Generation;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>What the parameters of a single tensor may hold beside the protocol's own.</summary>
internal static class TensorParameters
{
    private static readonly string[] Reserved = ["binary_data", "binary_data_size", "classification"];

    /// <exception cref="Engine.Contracts.RequestException">The tensor is said to be elsewhere, the name is nearly a reserved one, or its value is no string, number or boolean.</exception>
    public static void RequireOpen(OptionValue parameter)
    {
        if (parameter.Name.StartsWith("shared_memory", StringComparison.Ordinal))
        {
            throw JsonFields.Invalid($"parameter '{parameter.Name}': this server shares no memory with its clients; send the data in the request.", parameter.Name);
        }
        ForeignParameters.RequireOpen(parameter, Reserved);
    }
}
