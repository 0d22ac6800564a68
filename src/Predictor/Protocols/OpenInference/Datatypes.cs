using System.Text;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>Names and sizes of the <see cref="Datatype"/>s.</summary>
internal static class Datatypes
{
    private static readonly (Datatype Type, string Name, int Size)[] All =
    [
        (Datatype.Bool, "BOOL", 1),
        (Datatype.Uint8, "UINT8", 1),
        (Datatype.Uint16, "UINT16", 2),
        (Datatype.Uint32, "UINT32", 4),
        (Datatype.Uint64, "UINT64", 8),
        (Datatype.Int8, "INT8", 1),
        (Datatype.Int16, "INT16", 2),
        (Datatype.Int32, "INT32", 4),
        (Datatype.Int64, "INT64", 8),
        (Datatype.Fp16, "FP16", 2),
        (Datatype.Bf16, "BF16", 2),
        (Datatype.Fp32, "FP32", 4),
        (Datatype.Fp64, "FP64", 8),
        (Datatype.Bytes, "BYTES", 0),
    ];

    public static string Name(Datatype type) => All[(int)type].Name;

    /// <returns>Its name in a model configuration.</returns>
    public static string ConfigName(Datatype type) => type == Datatype.Bytes ? "TYPE_STRING" : "TYPE_" + Name(type);

    /// <returns>The name itself where it is one of the protocol's, so that a message's need no copy; else null.</returns>
    public static string? Known(ReadOnlySpan<byte> utf8)
    {
        foreach ((_, string known, _) in All)
        {
            if (Ascii.Equals(utf8, known))
            {
                return known;
            }
        }
        return null;
    }

    /// <returns>Bytes an element takes in raw form; 0 for BYTES, whose elements carry their own lengths.</returns>
    public static int Size(Datatype type) => All[(int)type].Size;

    /// <param name="anyCase">REST takes lower case too, as KServe's server does; in gRPC names are upper case.</param>
    /// <exception cref="RequestException">No datatype of the protocol is called so.</exception>
    public static Datatype Parse(string name, string tensor, bool anyCase = false)
    {
        foreach ((Datatype type, string known, _) in All)
        {
            if (string.Equals(known, name, anyCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal))
            {
                return type;
            }
        }
        throw new RequestException(
            EngineErrorCode.InvalidArgument,
            $"input '{tensor}': datatype '{name}' is not one of {string.Join(", ", All.Select(entry => entry.Name))}.",
            "datatype");
    }
}
