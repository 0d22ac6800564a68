using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KServePaged.Overhead;

/// <summary>
/// What our answers are compared with: Kestrel and nothing else, answering constant bytes. One that also reads what it was sent shows what of the difference is
/// the reading of a body, and not ours.
/// </summary>
internal static class BareServer
{
    /// <param name="answer">Bytes of each answer.</param>
    /// <param name="grpc">With gRPC's content type and trailers.</param>
    /// <param name="reads">Reads the request's body first, whole.</param>
    public static async Task RunAsync(int port, byte[] answer, bool grpc, bool reads)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Loopback, port, listen => listen.Protocols = grpc ? HttpProtocols.Http2 : HttpProtocols.Http1);
        });
        await using WebApplication app = builder.Build();
        app.Run(async context =>
        {
            if (reads)
            {
                await ReadAsync(context.Request.BodyReader);
            }
            context.Response.ContentType = grpc ? "application/grpc" : "application/json";
            if (!grpc)
            {
                context.Response.ContentLength = answer.Length;
            }
            await context.Response.Body.WriteAsync(answer);
            if (grpc)
            {
                context.Features.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers["grpc-status"] = "0";
            }
        });
        await app.RunAsync();
    }

    private static async Task ReadAsync(PipeReader body)
    {
        while (true)
        {
            ReadResult result = await body.ReadAsync();
            if (result.IsCompleted)
            {
                body.AdvanceTo(result.Buffer.End);
                return;
            }
            body.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }
}
