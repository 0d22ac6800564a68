namespace KServePaged.Engine.Configuration;

/// <summary>How far loading has come. Reported in rising order.</summary>
/// <param name="Stage"><c>config</c>, <c>tokenizer</c>, <c>weights</c>, <c>cache</c>, <c>warmup</c> or <c>ready</c>.</param>
/// <param name="BytesDone">Weight bytes loaded so far.</param>
/// <param name="BytesTotal">Weight bytes in the checkpoint; 0 until known.</param>
public readonly record struct LoadProgress(string Stage, long BytesDone, long BytesTotal);
