namespace KServePaged.Predictor.Errors;

/// <summary>How one protocol writes errors. The first registered shape that owns a request writes its errors, the router's included.</summary>
internal interface IErrorShape
{
    bool Owns(HttpRequest request);

    /// <summary>Writes the body and its content type; status and headers are already set.</summary>
    Task WriteAsync(HttpContext context, ErrorReply reply);
}
