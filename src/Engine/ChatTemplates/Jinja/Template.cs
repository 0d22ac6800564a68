using KServePaged.Engine.ChatTemplates.Jinja.Nodes;
using KServePaged.Engine.ChatTemplates.Jinja.Syntax;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja;

/// <summary>A compiled template. Immutable; any number of renderings may run at once.</summary>
internal sealed class Template
{
    private readonly Statement[] _body;
    private readonly FunctionScope _scope;
    private readonly Prologue _prologue;
    private readonly Value _self;

    private Template(Statement[] body, FunctionScope scope, Prologue prologue, SelfValue self) =>
        (_body, _scope, _prologue, _self) = (body, scope, prologue, Value.Of(self));

    /// <exception cref="InvalidDataException">The template is broken; the message names file and line.</exception>
    public static Template Parse(string source, string fileName)
    {
        var tokens = new TokenStream(Lexer.Tokenize(source, fileName), fileName);
        Statement[] body = new StatementParser(tokens).ParseTemplate();
        var binder = new Binder(fileName);
        (FunctionScope scope, Prologue prologue) = binder.Bind(body);
        return new Template(body, scope, prologue, new SelfValue(binder.Blocks));
    }

    /// <exception cref="TemplateException">The template refused its input or failed.</exception>
    public string Render(RenderState state)
    {
        state.SetVariable("self", _self);
        var frame = new Frame(state, null, _scope.SlotCount);
        _prologue.Run(frame);
        Statement.ExecuteAll(_body, frame);
        return state.Output();
    }
}
