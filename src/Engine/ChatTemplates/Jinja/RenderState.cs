using System.Globalization;
using System.Text;
using KServePaged.Engine.ChatTemplates.Jinja.Formatting;
using KServePaged.Engine.ChatTemplates.Jinja.Library;
using KServePaged.Engine.ChatTemplates.Jinja.Nodes;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja;

/// <summary>Everything one rendering works with. Used once, by one thread.</summary>
internal sealed class RenderState
{
    private readonly Stack<StringBuilder> _spare = new();
    private readonly Dictionary<string, Value> _variables = new(StringComparer.Ordinal);
    private StringBuilder _output = new(1024);
    private Dictionary<string, Value>? _exports;
    private long _outputLength;

    /// <param name="now">What <c>strftime_now</c> formats.</param>
    public RenderState(TemplateLimits limits, DateTimeOffset now)
    {
        Budget = new Budget(limits);
        Equality = new Equality(Budget);
        Now = now;
    }

    public Budget Budget { get; }

    public Equality Equality { get; }

    public DateTimeOffset Now { get; }

    /// <summary>Whether what is printed is escaped for HTML; off unless the template turns it on.</summary>
    public bool AutoEscape { get; set; }

    /// <summary>Line of the statement that runs, for messages.</summary>
    public int Line { get; private set; }

    /// <summary>The text that the filter of a tag applies to.</summary>
    public Value Captured { get; set; }

    /// <summary>Sets a variable of the template before it runs.</summary>
    public void SetVariable(string name, Value value) => _variables[name] = value;

    public string Output() => _output.ToString();

    public void At(int line)
    {
        Line = line;
        Budget.Step();
    }

    /// <returns>A variable given to the template, or a function of the environment; Missing where there is neither.</returns>
    public Value Resolve(string name)
    {
        if (_exports is not null && _exports.TryGetValue(name, out Value exported))
        {
            return exported;
        }
        return _variables.TryGetValue(name, out Value value) || Globals.Table.TryGetValue(name, out value) ? value : Value.Missing;
    }

    /// <summary>Makes variables of the template's top level visible to its blocks.</summary>
    public void Export(Frame frame, NameTarget[] names)
    {
        foreach (NameTarget name in names)
        {
            (_exports ??= new(StringComparer.Ordinal))[name.Name] = name.Read(frame);
        }
    }

    public void Write(Value value)
    {
        if (AutoEscape)
        {
            Write(Html.Escaped(this, value));
            return;
        }
        WriteUnescaped(value);
    }

    public void WriteUnescaped(Value value)
    {
        if (value.Kind == ValueKind.Integer)
        {
            Count(20); // longest 64-bit number
            _output.Append(CultureInfo.InvariantCulture, $"{value.AsInteger}");
            return;
        }
        Write(Printer.Str(this, value));
    }

    public void Write(string text)
    {
        Count(text.Length);
        _output.Append(text);
    }

    /// <summary>From now on output is collected, until the matching <see cref="EndCapture"/>.</summary>
    public Capture BeginCapture()
    {
        var capture = new Capture(_output);
        _output = _spare.TryPop(out StringBuilder? spare) ? spare : new StringBuilder();
        return capture;
    }

    public Value EndCapture(Capture capture)
    {
        string text = _output.ToString();
        Budget.Allocate(text.Length);
        _spare.Push(_output.Clear());
        _output = capture.Outer;
        return Value.Text(text, AutoEscape);
    }

    private void Count(int length)
    {
        Budget.Scan(length);
        _outputLength += length;
        if (_outputLength > Budget.Limits.OutputLength)
        {
            throw new TemplateException($"the chat template prints more than {Budget.Limits.OutputLength} characters");
        }
    }
}
