using System.Collections.Frozen;
using KServePaged.Engine.ChatTemplates.Jinja.Formatting;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary>The methods of str, and how those of Markup differ: most escape their arguments and give markup.</summary>
internal static class StringMethods
{
    public static readonly FrozenDictionary<string, Operation> Table = new Dictionary<string, Operation>
    {
        ["capitalize"] = Marking(Mapped("capitalize", Casing.Capitalize)),
        ["casefold"] = Mapped("casefold", Casing.Fold),
        ["lower"] = Marking(Mapped("lower", Casing.Lower)),
        ["swapcase"] = Marking(Mapped("swapcase", Casing.Swap)),
        ["title"] = Marking(Mapped("title", Casing.Title)),
        ["upper"] = Marking(Mapped("upper", Casing.Upper)),

        ["strip"] = Marking((state, self, arguments) => StringStripping.Strip(state, self, arguments, "strip", left: true, right: true)),
        ["lstrip"] = Marking((state, self, arguments) => StringStripping.Strip(state, self, arguments, "lstrip", left: true, right: false)),
        ["rstrip"] = Marking((state, self, arguments) => StringStripping.Strip(state, self, arguments, "rstrip", left: false, right: true)),
        ["removeprefix"] = StringStripping.RemovePrefix,
        ["removesuffix"] = StringStripping.RemoveSuffix,
        ["center"] = Marking((state, self, arguments) => StringPadding.Pad(state, self, arguments, "center")),
        ["ljust"] = Marking((state, self, arguments) => StringPadding.Pad(state, self, arguments, "ljust")),
        ["rjust"] = Marking((state, self, arguments) => StringPadding.Pad(state, self, arguments, "rjust")),
        ["zfill"] = Marking(StringPadding.ZeroFill),
        ["expandtabs"] = Marking(StringPadding.ExpandTabs),

        ["split"] = (state, self, arguments) => StringSplitting.Split(state, self, arguments, fromRight: false),
        ["rsplit"] = (state, self, arguments) => StringSplitting.Split(state, self, arguments, fromRight: true),
        ["splitlines"] = StringSplitting.SplitLines,
        ["partition"] = (state, self, arguments) => StringSplitting.Partition(state, self, arguments, fromRight: false),
        ["rpartition"] = (state, self, arguments) => StringSplitting.Partition(state, self, arguments, fromRight: true),
        ["join"] = Join,

        ["replace"] = Marking(StringSearching.Replace),
        ["find"] = (state, self, arguments) => StringSearching.Find(state, self, arguments, "find", fromRight: false, mustExist: false),
        ["rfind"] = (state, self, arguments) => StringSearching.Find(state, self, arguments, "rfind", fromRight: true, mustExist: false),
        ["index"] = (state, self, arguments) => StringSearching.Find(state, self, arguments, "index", fromRight: false, mustExist: true),
        ["rindex"] = (state, self, arguments) => StringSearching.Find(state, self, arguments, "rindex", fromRight: true, mustExist: true),
        ["count"] = StringSearching.Count,
        ["startswith"] = (state, self, arguments) => StringSearching.Affix(state, self, arguments, "startswith", atEnd: false),
        ["endswith"] = (state, self, arguments) => StringSearching.Affix(state, self, arguments, "endswith", atEnd: true),

        ["format"] = (state, self, arguments) => StringFormat.Apply(state, self, arguments),
        ["format_map"] = FormatMap,

        ["isalnum"] = AllAre("isalnum", code => Characters.IsAlpha(code) || Characters.IsNumeric(code)),
        ["isalpha"] = AllAre("isalpha", Characters.IsAlpha),
        ["isascii"] = Predicate("isascii", text => System.Text.Ascii.IsValid(text)),
        ["isdecimal"] = AllAre("isdecimal", Characters.IsDecimal),
        ["isdigit"] = AllAre("isdigit", Characters.IsDigit),
        ["isidentifier"] = Predicate("isidentifier", StringPredicates.IsIdentifier),
        ["islower"] = Predicate("islower", StringPredicates.IsLower),
        ["isnumeric"] = AllAre("isnumeric", Characters.IsNumeric),
        ["isprintable"] = Predicate("isprintable", text => StringPredicates.All(text, Characters.IsPrintable)),
        ["isspace"] = AllAre("isspace", Characters.IsSpace),
        ["istitle"] = Predicate("istitle", StringPredicates.IsTitle),
        ["isupper"] = Predicate("isupper", StringPredicates.IsUpper),

        ["striptags"] = OfMarkup("striptags", HtmlFilters.StripTags),
        ["unescape"] = OfMarkup("unescape", (state, self) => Value.Of(System.Net.WebUtility.HtmlDecode(self.AsString))),
    }.ToFrozenDictionary();

    /// <summary>A text argument.</summary>
    public static string Text(Value value, string function)
    {
        if (value.IsUndefined)
        {
            throw ((UndefinedValue)value.AsObject).Error();
        }
        return value.IsString ? value.AsString : throw new TemplateException($"{function}() argument must be str, not {Operations.TypeName(value)}");
    }

    /// <summary>A change of case, paid for.</summary>
    public static string Map(RenderState state, string text, Func<string, string> map)
    {
        state.Budget.Visit(text.Length);
        string result = map(text);
        state.Budget.Allocate(result.Length);
        return result;
    }

    /// <summary>On markup, escapes the arguments and gives markup.</summary>
    private static Operation Marking(Operation inner) => (state, self, arguments) =>
    {
        if (!self.IsMarkup)
        {
            return inner(state, self, arguments);
        }
        var escaped = new Arguments(
            Array.ConvertAll(arguments.Positional, value => value.IsString ? Html.Mark(state, value) : value),
            Array.ConvertAll(arguments.Named, item => item.Value.IsString ? item with { Value = Html.Mark(state, item.Value) } : item));
        return Value.Markup(inner(state, self, escaped).AsString);
    };

    private static Operation Mapped(string name, Func<string, string> map) => (state, self, arguments) =>
    {
        new ArgumentReader(name, arguments).End();
        return Value.Of(Map(state, self.AsString, map));
    };

    private static Operation Predicate(string name, Func<string, bool> predicate) => (state, self, arguments) =>
    {
        new ArgumentReader(name, arguments).End();
        state.Budget.Visit(self.AsString.Length);
        return Value.Of(predicate(self.AsString));
    };

    private static Operation AllAre(string name, Func<int, bool> predicate) =>
        Predicate(name, text => text.Length > 0 && StringPredicates.All(text, predicate));

    private static Operation OfMarkup(string name, Func<RenderState, Value, Value> operation) => (state, self, arguments) =>
        self.IsMarkup ? operation(state, self) : throw new TemplateException($"'str object' has no attribute '{name}'");

    private static Value Join(RenderState state, Value self, Arguments arguments)
    {
        var reader = new ArgumentReader("join", arguments);
        IEnumerator<Value> items = Iteration.TryOf(state, reader.Required(string.Empty)) ?? throw new TemplateException("can only join an iterable");
        reader.End();
        var joiner = new TextJoiner(state, self.AsString);
        for (int i = 0; items.MoveNext(); i++)
        {
            Value item = items.Current;
            joiner.Add(self.IsMarkup ? Html.Escaped(state, item) : item.IsString ? item.AsString : throw new TemplateException(
                $"sequence item {i}: expected str instance, {Operations.TypeName(item)} found"));
        }
        return Value.Text(joiner.ToString(), self.IsMarkup);
    }

    private static Value FormatMap(RenderState state, Value self, Arguments arguments)
    {
        var reader = new ArgumentReader("format_map", arguments);
        Value mapping = reader.Required(string.Empty);
        reader.End();
        return mapping.Kind == ValueKind.Dict
            ? StringFormat.Apply(state, self, mapping.AsDict)
            : throw new TemplateException("format_map() argument must be a mapping");
    }
}
