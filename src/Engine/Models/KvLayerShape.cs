namespace KServePaged.Engine.Models;

/// <summary>What one layer caches per token: a key and a value of kvHeads × headDim each.</summary>
internal readonly record struct KvLayerShape(int KvHeads, int HeadDim);
