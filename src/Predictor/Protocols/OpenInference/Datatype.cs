namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>Element types of the protocol. Their names on the wire are the names here in upper case.</summary>
internal enum Datatype
{
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Fp16,
    Bf16,
    Fp32,
    Fp64,
    Bytes,
}
