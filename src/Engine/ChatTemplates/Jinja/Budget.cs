using System.Runtime.CompilerServices;

namespace KServePaged.Engine.ChatTemplates.Jinja;

/// <summary>
/// What one rendering has left. Every loop step, call and operator counts; whatever makes or scans text or lists pays by size, so that
/// time and memory stay bounded whatever the template does.
/// </summary>
internal sealed class Budget(TemplateLimits limits)
{
    // One evaluated node takes some tens of nanoseconds; so do 256 characters that are copied or searched, or 8 that are looked at one by one.
    private const int CopiedPerStep = 256;
    private const int VisitedPerStep = 8;

    private long _steps = limits.Steps;
    private long _allocated = limits.AllocatedCharacters;
    private int _depth;

    public TemplateLimits Limits => limits;

    public void Step()
    {
        if (--_steps < 0)
        {
            throw OutOfSteps();
        }
    }

    public void Step(long count)
    {
        _steps -= count;
        if (_steps < 0)
        {
            throw OutOfSteps();
        }
    }

    /// <summary>Pays for searching or comparing text of this length.</summary>
    public void Scan(long characters) => Step(1 + (characters / CopiedPerStep));

    /// <summary>Pays for looking at every character of a text.</summary>
    public void Visit(long characters) => Step(1 + (characters / VisitedPerStep));

    /// <summary>Pays for a new text (or for a list, 8 characters an item) before it is made.</summary>
    public void Allocate(long characters)
    {
        if (characters > limits.TextLength)
        {
            throw new TemplateException($"the chat template makes a text of {characters} characters; the limit is {limits.TextLength}");
        }
        Scan(characters);
        _allocated -= characters;
        if (_allocated < 0)
        {
            throw new TemplateException($"the chat template uses more memory than {limits.AllocatedCharacters} characters");
        }
    }

    /// <summary>Pays for an operation on integers of these sizes, which takes as much as long multiplication.</summary>
    public void Multiply(long leftBits, long rightBits) => Step(((leftBits / 64) + 1) * ((rightBits / 64) + 1) / 64);

    /// <summary>Pays for a list of this many items.</summary>
    public void AllocateItems(long count) => Allocate(checked(count * 8));

    /// <summary>Enters a macro or a recursive loop.</summary>
    public void Enter()
    {
        if (++_depth > limits.Depth)
        {
            throw new TemplateException($"the chat template calls itself more than {limits.Depth} levels deep");
        }
        EnsureStack();
    }

    public void Leave() => _depth--;

    /// <summary>Turns what would overflow the stack (values nested in values, without end) into a refusal.</summary>
    public static void EnsureStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new TemplateException("the chat template nests too deeply");
        }
    }

    private TemplateException OutOfSteps() =>
        new($"the chat template needs more than {limits.Steps} steps");
}
