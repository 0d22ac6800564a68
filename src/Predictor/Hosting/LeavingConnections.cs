namespace KServePaged.Predictor.Hosting;

/// <summary>
/// While the process leaves, each HTTP/1.1 answer asks its caller to close the connection, so that pools of proxies are empty when the port closes;
/// HTTP/2 has its own farewell, which Kestrel sends then.
/// </summary>
internal sealed class LeavingConnections(RequestDelegate next, ModelRepository repository)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (repository.IsLeaving && HttpProtocol.IsHttp11(context.Request.Protocol))
        {
            context.Response.Headers.Connection = "close";
        }
        return next(context);
    }
}
