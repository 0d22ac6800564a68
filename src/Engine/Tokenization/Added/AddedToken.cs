namespace KServePaged.Engine.Tokenization.Added;

/// <summary>A token that is looked for in the text itself, before the model sees it.</summary>
/// <param name="Content">As the file spells it.</param>
/// <param name="SingleWord">Counts only where no word character touches it.</param>
/// <param name="StripLeft">Swallows the white space before it.</param>
/// <param name="StripRight">Swallows the white space behind it.</param>
/// <param name="Normalized">Is looked for in the normalized text, in its own normalized form.</param>
/// <param name="Special">Is left out when a decoder skips special tokens.</param>
internal sealed record AddedToken(string Content, bool SingleWord, bool StripLeft, bool StripRight, bool Normalized, bool Special);
