using System.Numerics;

namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>An int beyond 64 bits.</summary>
internal sealed class BigIntegerValue(BigInteger number) : ValueObject(ValueKind.BigInteger, "int")
{
    public BigInteger Number { get; } = number;
}
