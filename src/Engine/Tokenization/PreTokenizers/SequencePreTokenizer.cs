using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.PreTokenizers;

/// <summary>One pre-tokenizer after the other.</summary>
internal sealed class SequencePreTokenizer(IReadOnlyList<PreTokenizer> steps) : PreTokenizer
{
    public override bool DropsText => steps.Any(step => step.DropsText);

    public override void Apply(PieceText text)
    {
        foreach (PreTokenizer step in steps)
        {
            step.Apply(text);
        }
    }
}
