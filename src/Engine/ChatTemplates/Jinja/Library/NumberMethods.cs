using System.Collections.Frozen;
using System.Numerics;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

internal static class NumberMethods
{
    public static readonly FrozenDictionary<string, Operation> Integer = new Dictionary<string, Operation>
    {
        ["bit_length"] = (state, self, arguments) =>
        {
            new ArgumentReader("bit_length", arguments).End();
            BigInteger number = BigInteger.Abs(self.AsBigInteger);
            return Value.Of(number.IsZero ? 0L : (long)number.GetBitLength());
        },
        ["conjugate"] = (state, self, arguments) => Arithmetic.Plus(self),
    }.ToFrozenDictionary();

    public static readonly FrozenDictionary<string, Operation> Float = new Dictionary<string, Operation>
    {
        ["is_integer"] = (state, self, arguments) =>
        {
            new ArgumentReader("is_integer", arguments).End();
            return Value.Of(double.IsFinite(self.AsFloat) && Math.Floor(self.AsFloat) == self.AsFloat);
        },
        ["conjugate"] = (state, self, arguments) => self,
    }.ToFrozenDictionary();
}
