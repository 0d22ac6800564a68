namespace KServePaged.Engine.Execution;

/// <summary>An array of a <see cref="StepUpload"/>.</summary>
/// <param name="Offset">Bytes before it.</param>
/// <param name="Count">Elements.</param>
/// <param name="Address">On the device.</param>
internal readonly record struct UploadSection(int Offset, int Count, nint Address);
