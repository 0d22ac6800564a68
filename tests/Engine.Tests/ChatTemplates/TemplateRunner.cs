using System.Text.Json;
using KServePaged.Engine.ChatTemplates;
using KServePaged.Engine.ChatTemplates.Jinja;

namespace KServePaged.Engine.Tests.ChatTemplates;

/// <summary>Renders a template with nothing but the variables of a JSON object.</summary>
internal static class TemplateRunner
{
    public static readonly DateTimeOffset Now = new(2025, 1, 15, 12, 0, 0, TimeSpan.Zero);

    public static string Render(string template, string context = "{}", TemplateLimits? limits = null)
    {
        using JsonDocument document = JsonDocument.Parse(context);
        return Render(template, document.RootElement, limits);
    }

    public static string Render(string template, JsonElement context, TemplateLimits? limits = null)
    {
        var state = new RenderState(limits ?? TemplateLimits.Default, Now);
        foreach (JsonProperty variable in context.EnumerateObject())
        {
            state.SetVariable(variable.Name, JsonValues.Convert(state, variable.Value));
        }
        return Template.Parse(template, "test.jinja").Render(state);
    }
}
