namespace KServePaged.Engine.Tokenization.Models;

/// <summary>Two tokens that become one; its place in the list is its rank.</summary>
internal readonly record struct Merge(int Left, int Right, int Merged);
