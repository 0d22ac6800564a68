using System.Numerics;

namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>Python's <c>==</c> and <c>hash</c>: 1, 1.0 and True are one key. Comparing nested values pays from the budget.</summary>
internal sealed class Equality(Budget budget) : IEqualityComparer<Value>
{
    public bool Equals(Value left, Value right)
    {
        budget.Step();
        ValueKind kind = left.Kind;
        if (left.IsNumber && right.IsNumber)
        {
            return NumbersEqual(left, right);
        }
        if (kind != right.Kind)
        {
            return false;
        }
        return kind switch
        {
            ValueKind.None or ValueKind.Undefined => true,
            ValueKind.String => TextsEqual(left.AsString, right.AsString),
            ValueKind.List or ValueKind.Tuple => SequencesEqual((SequenceValue)left.AsObject, (SequenceValue)right.AsObject),
            ValueKind.Dict => DictsEqual(left.AsDict, right.AsDict),
            ValueKind.Range => RangesEqual((RangeValue)left.AsObject, (RangeValue)right.AsObject),
            ValueKind.View => ViewsEqual((ViewValue)left.AsObject, (ViewValue)right.AsObject),
            _ => ReferenceEquals(left.AsObject, right.AsObject),
        };
    }

    /// <exception cref="TemplateException">The value is not hashable.</exception>
    public int GetHashCode(Value value)
    {
        budget.Step();
        switch (value.Kind)
        {
            case ValueKind.None:
            case ValueKind.Undefined:
                return 0;
            case ValueKind.String:
                budget.Scan(value.AsString.Length);
                return value.AsString.GetHashCode(StringComparison.Ordinal);
            case ValueKind.Boolean or ValueKind.Integer:
                return HashCode.Combine(value.AsInteger);
            case ValueKind.BigInteger:
                return value.AsBigInteger.GetHashCode();
            case ValueKind.Float:
                return HashFloat(value.AsFloat);
            case ValueKind.Tuple:
                Budget.EnsureStack();
                var hash = default(HashCode);
                foreach (Value item in value.AsTuple.Items)
                {
                    hash.Add(GetHashCode(item));
                }
                return hash.ToHashCode();
            case ValueKind.List or ValueKind.Dict:
            case ValueKind.View when ((ViewValue)value.AsObject).Shown != ViewValue.Side.Values:
                throw new TemplateException($"unhashable type: '{Operations.TypeName(value)}'");
            default:
                return value.AsObject.GetHashCode();
        }
    }

    /// <summary>Whether a list or tuple has an equal item (or, as Python does, the very same one).</summary>
    public bool Contains(SequenceValue items, Value wanted)
    {
        for (int i = 0; i < items.Count; i++)
        {
            if (Equals(items[i], wanted))
            {
                return true;
            }
        }
        return false;
    }

    private static int HashFloat(double number)
    {
        if (number != Math.Floor(number) || double.IsInfinity(number) || double.IsNaN(number))
        {
            return number.GetHashCode();
        }
        return number is >= long.MinValue and < 9223372036854775808.0
            ? HashCode.Combine((long)number)
            : new BigInteger(number).GetHashCode();
    }

    private static bool NumbersEqual(Value left, Value right)
    {
        if (left.Kind is ValueKind.Boolean or ValueKind.Integer && right.Kind is ValueKind.Boolean or ValueKind.Integer)
        {
            return left.AsInteger == right.AsInteger;
        }
        return Numbers.Compare(left, right) == 0;
    }

    private static bool RangesEqual(RangeValue left, RangeValue right) =>
        left.Count == right.Count
        && (left.Count == 0 || (left.Start == right.Start && (left.Count == 1 || left.Step == right.Step)));

    private bool TextsEqual(string left, string right)
    {
        if (left.Length != right.Length)
        {
            return false;
        }
        budget.Scan(left.Length);
        return left == right;
    }

    private bool SequencesEqual(SequenceValue left, SequenceValue right)
    {
        if (left.Count != right.Count || ReferenceEquals(left, right))
        {
            return left.Count == right.Count;
        }
        Budget.EnsureStack();
        for (int i = 0; i < left.Count; i++)
        {
            if (!Equals(left[i], right[i]))
            {
                return false;
            }
        }
        return true;
    }

    private bool DictsEqual(DictValue left, DictValue right)
    {
        if (left.Count != right.Count || ReferenceEquals(left, right))
        {
            return left.Count == right.Count;
        }
        Budget.EnsureStack();
        var index = new Dictionary<Value, Value>(right.Entries, this);
        foreach ((Value key, Value value) in left.Entries)
        {
            if (!index.TryGetValue(key, out Value other) || !Equals(value, other))
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>Views of keys and items are sets; a view of values equals itself only.</summary>
    private bool ViewsEqual(ViewValue left, ViewValue right)
    {
        if (ReferenceEquals(left, right))
        {
            return true;
        }
        if (left.Shown != right.Shown || left.Shown == ViewValue.Side.Values || left.Dict.Count != right.Dict.Count)
        {
            return false;
        }
        return left.Shown == ViewValue.Side.Items
            ? DictsEqual(left.Dict, right.Dict)
            : left.Dict.Entries.All(entry => right.Dict.Entries.Any(other => Equals(entry.Key, other.Key)));
    }
}
