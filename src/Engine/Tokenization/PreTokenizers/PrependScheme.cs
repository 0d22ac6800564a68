namespace KServePaged.Engine.Tokenization.PreTokenizers;

/// <summary>Which pieces of a text get a leading mark when they have none.</summary>
internal enum PrependScheme
{
    Never,
    First,
    Always,
}
