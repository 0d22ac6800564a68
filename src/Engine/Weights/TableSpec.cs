namespace KServePaged.Engine.Weights;

/// <summary>A table whose rows are looked up, by its full name: [rows, columns].</summary>
internal sealed record TableSpec(string Name, int Rows, int Columns);
