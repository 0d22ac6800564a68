using System.Collections.Frozen;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary>What may stand behind a bar: Jinja's own filters except random, urlize, wordwrap and pprint, which no prompt needs.</summary>
internal static class Filters
{
    public static readonly FrozenDictionary<string, Operation> Table = new Dictionary<string, Operation>
    {
        ["abs"] = NumberFilters.Abs,
        ["float"] = NumberFilters.Float,
        ["int"] = NumberFilters.Int,
        ["round"] = NumberFilters.Round,
        ["filesizeformat"] = NumberFilters.FileSize,

        ["capitalize"] = TextFilters.Capitalize,
        ["center"] = TextFilters.Center,
        ["format"] = TextFilters.Format,
        ["indent"] = TextFilters.Indent,
        ["join"] = TextFilters.Join,
        ["lower"] = TextFilters.Lower,
        ["replace"] = TextFilters.Replace,
        ["string"] = TextFilters.String,
        ["title"] = TextFilters.Title,
        ["trim"] = TextFilters.Trim,
        ["truncate"] = TextFilters.Truncate,
        ["upper"] = TextFilters.Upper,
        ["wordcount"] = TextFilters.WordCount,
        ["tojson"] = JsonFilter.ToJson,

        ["e"] = HtmlFilters.Escape,
        ["escape"] = HtmlFilters.Escape,
        ["forceescape"] = HtmlFilters.ForceEscape,
        ["safe"] = HtmlFilters.Safe,
        ["striptags"] = HtmlFilters.StripTags,
        ["urlencode"] = HtmlFilters.UrlEncode,
        ["xmlattr"] = HtmlFilters.XmlAttributes,

        ["batch"] = SequenceFilters.Batch,
        ["count"] = SequenceFilters.Length,
        ["first"] = SequenceFilters.First,
        ["items"] = SequenceFilters.Items,
        ["last"] = SequenceFilters.Last,
        ["length"] = SequenceFilters.Length,
        ["list"] = SequenceFilters.List,
        ["reverse"] = SequenceFilters.Reverse,
        ["slice"] = SequenceFilters.Slice,

        ["dictsort"] = OrderFilters.DictSort,
        ["groupby"] = OrderFilters.GroupBy,
        ["max"] = OrderFilters.Max,
        ["min"] = OrderFilters.Min,
        ["sort"] = OrderFilters.Sort,
        ["sum"] = OrderFilters.Sum,
        ["unique"] = OrderFilters.Unique,

        ["attr"] = SelectionFilters.Attribute,
        ["d"] = SelectionFilters.Default,
        ["default"] = SelectionFilters.Default,
        ["map"] = SelectionFilters.Map,
        ["reject"] = SelectionFilters.Reject,
        ["rejectattr"] = SelectionFilters.RejectAttribute,
        ["select"] = SelectionFilters.Select,
        ["selectattr"] = SelectionFilters.SelectAttribute,
    }.ToFrozenDictionary();
}
