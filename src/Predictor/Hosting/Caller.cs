namespace KServePaged.Predictor.Hosting;

/// <summary>What of a request decides which variant of a model answers it.</summary>
/// <param name="RequestId">The same id always goes to the same variant, so that a retry is no second opinion.</param>
/// <param name="Variant">The variant asked for by name, or null.</param>
internal readonly record struct Caller(string RequestId, string? Variant)
{
    /// <summary>Asks for a variant; tells which one answered.</summary>
    public const string Header = "X-Model-Variant";

    public static Caller Of(HttpContext context) => new(context.TraceIdentifier, context.Request.Headers[Header] is [{ Length: > 0 } wanted] ? wanted : null);
}
