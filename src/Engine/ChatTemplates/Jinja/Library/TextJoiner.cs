using System.Text;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary>Puts texts together with a separator, paying for the growth.</summary>
internal sealed class TextJoiner(RenderState state, string separator)
{
    private readonly StringBuilder _text = new();
    private bool _isFirst = true;

    public void Add(string text)
    {
        state.Budget.Allocate((long)text.Length + separator.Length);
        if (!_isFirst)
        {
            _text.Append(separator);
        }
        _isFirst = false;
        _text.Append(text);
        if (_text.Length > state.Budget.Limits.TextLength)
        {
            state.Budget.Allocate(_text.Length);
        }
    }

    public override string ToString() => _text.ToString();
}
