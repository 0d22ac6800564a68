namespace KServePaged.Predictor.Hosting;

/// <summary>How far a loading has come, or what the last one was.</summary>
/// <param name="Time">So far, or until it ended.</param>
/// <param name="BytesDone">Bytes downloaded, later weight bytes loaded.</param>
/// <param name="BytesTotal">Bytes there are; 0 until known.</param>
internal readonly record struct LoadFigures(TimeSpan Time, long BytesDone, long BytesTotal);
