using System.Text;
using KServePaged.Engine.ChatTemplates.Jinja.Formatting;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

internal sealed class BinaryExpression(int line, string symbol, Expression left, Expression right) : Expression(line)
{
    private readonly Func<RenderState, Value, Value, Value> _operation = symbol switch
    {
        "+" => Arithmetic.Add,
        "-" => Arithmetic.Subtract,
        "*" => Arithmetic.Multiply,
        "/" => Arithmetic.Divide,
        "//" => Arithmetic.FloorDivide,
        "%" => Arithmetic.Modulo,
        "**" => Arithmetic.Power,
        _ => throw new ArgumentOutOfRangeException(nameof(symbol), symbol, null),
    };

    public override IEnumerable<Node> Children => [left, right];

    public override Value Evaluate(Frame frame)
    {
        frame.State.Budget.Step();
        return _operation(frame.State, left.Evaluate(frame), right.Evaluate(frame));
    }
}

internal sealed class SignExpression(int line, bool negates, Expression operand) : Expression(line)
{
    public override IEnumerable<Node> Children => [operand];

    public override Value Evaluate(Frame frame)
    {
        Value value = operand.Evaluate(frame);
        return negates ? Arithmetic.Negate(value) : Arithmetic.Plus(value);
    }
}

internal sealed class NotExpression(int line, Expression operand) : Expression(line)
{
    public override IEnumerable<Node> Children => [operand];

    public override Value Evaluate(Frame frame) => Value.Of(!Operations.Truth(frame.State, operand.Evaluate(frame)));
}

/// <summary><c>and</c>, <c>or</c>: the value is one of the operands, not a truth.</summary>
internal sealed class LogicalExpression(int line, bool isAnd, Expression left, Expression right) : Expression(line)
{
    public override IEnumerable<Node> Children => [left, right];

    public override Value Evaluate(Frame frame)
    {
        Value value = left.Evaluate(frame);
        return Operations.Truth(frame.State, value) == isAnd ? right.Evaluate(frame) : value;
    }
}

/// <summary><c>then if test else otherwise</c>.</summary>
internal sealed class ConditionalExpression(int line, Expression test, Expression then, Expression? otherwise) : Expression(line)
{
    public override IEnumerable<Node> Children => otherwise is null ? [test, then] : [test, then, otherwise];

    public override Value Evaluate(Frame frame)
    {
        if (Operations.Truth(frame.State, test.Evaluate(frame)))
        {
            return then.Evaluate(frame);
        }
        return otherwise is null
            ? UndefinedValue.Hinted($"the inline if-expression on line {Line} evaluated to false and no else section was defined.")
            : otherwise.Evaluate(frame);
    }
}

/// <summary><c>a ~ b ~ c</c>: the texts of all, one after the other.</summary>
internal sealed class ConcatExpression(int line, Expression[] parts) : Expression(line)
{
    public override IEnumerable<Node> Children => parts;

    public override Value Evaluate(Frame frame)
    {
        RenderState state = frame.State;
        Value[] values = Array.ConvertAll(parts, part => part.Evaluate(frame));
        bool markup = state.AutoEscape && values.Any(value => value.IsMarkup);
        var text = new StringBuilder();
        foreach (Value value in values)
        {
            string part = markup ? Html.Escaped(state, value) : Printer.Str(state, value);
            state.Budget.Allocate(part.Length);
            text.Append(part);
        }
        return Value.Text(text.ToString(), markup);
    }
}

/// <summary><c>a &lt; b &lt;= c</c>: each operand is evaluated once, and only while the chain holds.</summary>
internal sealed class CompareExpression(int line, Expression first, (string Symbol, Expression Operand)[] rest) : Expression(line)
{
    public override IEnumerable<Node> Children => [first, .. rest.Select(step => step.Operand)];

    public override Value Evaluate(Frame frame)
    {
        Value left = first.Evaluate(frame);
        foreach ((string symbol, Expression operand) in rest)
        {
            frame.State.Budget.Step();
            Value right = operand.Evaluate(frame);
            if (!Comparison.Holds(frame.State, symbol, left, right))
            {
                return Value.False;
            }
            left = right;
        }
        return Value.True;
    }
}
