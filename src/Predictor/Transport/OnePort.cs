using System.Buffers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace KServePaged.Predictor.Transport;

/// <summary>
/// HTTP/1.1 and HTTP/2 on one port. Kestrel alone chooses between them by TLS's protocol negotiation only, and treats a port without TLS as
/// HTTP/1.1; so where nothing was negotiated the first bytes are looked at, and a connection that opens with HTTP/2's preface is
/// presented as one that has negotiated it.
/// </summary>
internal static partial class OnePort
{
    // Longer than any client waits before it speaks, shorter than what a slow attack would like.
    private static readonly TimeSpan FirstBytes = TimeSpan.FromSeconds(20);

    /// <summary>The first byte of TLS; no method of HTTP begins with it.</summary>
    private const byte TlsHandshake = 0x16;

    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>Serves both on this endpoint. The server must allow alternate schemes, since cleartext may stand behind the negotiation.</summary>
    /// <param name="certificate">Null for cleartext.</param>
    /// <param name="firstBytes">How long a connection may take to show what it speaks; null = 20 s.</param>
    public static void UseOnePort(this ListenOptions listen, TlsCertificate? certificate = null, TimeSpan? firstBytes = null)
    {
        TimeSpan limit = firstBytes ?? FirstBytes;
        var mistakes = new Mistakes(listen.ApplicationServices.GetRequiredService<ILoggerFactory>().CreateLogger("KServePaged.Port"));
        listen.Protocols = HttpProtocols.Http1AndHttp2;
        if (certificate is not null)
        {
            RefuseCleartext(listen, limit, mistakes);
            UseTls(listen, certificate);
        }
        listen.Use(next => async connection =>
        {
            if (connection.Features.Get<ITlsApplicationProtocolFeature>() is not { ApplicationProtocol.IsEmpty: false })
            {
                Spoken? spoken = await LookAsync(connection, limit).ConfigureAwait(false);
                if (spoken is null)
                {
                    return;
                }
                if (spoken == Spoken.Tls && certificate is null)
                {
                    mistakes.Tell(connection, hasTls: false); // Kestrel answers it as any bytes that are no request
                }
                if (spoken == Spoken.Http2)
                {
                    var negotiated = new NegotiatedHttp2();
                    connection.Features.Set<ITlsApplicationProtocolFeature>(negotiated);
                    if (connection.Features.Get<ITlsConnectionFeature>() is null)
                    {
                        connection.Features.Set<ITlsConnectionFeature>(negotiated);
                    }
                }
            }
            await next(connection).ConfigureAwait(false);
        });
    }

    /// <summary>Who speaks HTTP to a port of TLS would wait for an answer that cannot come.</summary>
    private static void RefuseCleartext(ListenOptions listen, TimeSpan limit, Mistakes mistakes) => listen.Use(next => async connection =>
    {
        Spoken? spoken = await LookAsync(connection, limit).ConfigureAwait(false);
        if (spoken == Spoken.Tls)
        {
            await next(connection).ConfigureAwait(false);
        }
        else if (spoken is not null)
        {
            mistakes.Tell(connection, hasTls: true);
        }
    });

    private static void UseTls(ListenOptions listen, TlsCertificate certificate)
    {
        ILogger logger = listen.ApplicationServices.GetRequiredService<ILoggerFactory>().CreateLogger("KServePaged.Tls");
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            // Kestrel adds what it offers for negotiation, h2 and http/1.1.
            OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions { ServerCertificateContext = certificate.Current(logger) }),
        });
    }

    /// <returns>Null when the caller left, or said nothing for too long.</returns>
    private static async Task<Spoken?> LookAsync(ConnectionContext connection, TimeSpan firstBytes)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed);
        limit.CancelAfter(firstBytes);
        try
        {
            while (true)
            {
                System.IO.Pipelines.ReadResult result = await connection.Transport.Input.ReadAsync(limit.Token).ConfigureAwait(false);
                Spoken? decided = Decide(result.Buffer);
                // Nothing is consumed: the server reads the same bytes again. Undecided bytes count as seen, so that the next read waits for more.
                connection.Transport.Input.AdvanceTo(result.Buffer.Start, decided is null && !result.IsCompleted ? result.Buffer.End : result.Buffer.Start);
                if (decided is not null || result.IsCompleted)
                {
                    return decided ?? (result.Buffer.IsEmpty ? null : Spoken.Http1);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            connection.Abort(new ConnectionAbortedException("no request arrived in time"));
            return null;
        }
    }

    private static Spoken? Decide(in ReadOnlySequence<byte> bytes)
    {
        int seen = (int)Math.Min(bytes.Length, Preface.Length);
        Span<byte> start = stackalloc byte[Preface.Length];
        bytes.Slice(0, seen).CopyTo(start);
        return seen > 0 && start[0] == TlsHandshake ? Spoken.Tls
            : !start[..seen].SequenceEqual(Preface[..seen]) ? Spoken.Http1
            : seen == Preface.Length ? Spoken.Http2
            : null;
    }

    private enum Spoken
    {
        Http1,
        Http2,
        Tls,
    }

    /// <summary>Tells once: behind a proxy that is set up wrongly every connection has it.</summary>
    private sealed partial class Mistakes(ILogger logger)
    {
        private bool _told;

        public void Tell(ConnectionContext connection, bool hasTls)
        {
            if (Interlocked.Exchange(ref _told, true))
            {
                return;
            }
            int port = (connection.LocalEndPoint as System.Net.IPEndPoint)?.Port ?? 0;
            if (hasTls)
            {
                LogCleartext(logger, connection.RemoteEndPoint, port);
            }
            else
            {
                LogTls(logger, connection.RemoteEndPoint, port);
            }
        }

        [LoggerMessage(1303, LogLevel.Warning, "{Caller} speaks TLS to port {Port}, which has none: let callers, probes and proxies use http, or give the server --ssl_certfile. Said once.")]
        private static partial void LogTls(ILogger logger, System.Net.EndPoint? caller, int port);

        [LoggerMessage(1304, LogLevel.Warning, "{Caller} speaks HTTP without TLS to port {Port}: let callers, probes and proxies use https, or leave --ssl_certfile out. Said once.")]
        private static partial void LogCleartext(ILogger logger, System.Net.EndPoint? caller, int port);
    }

    private sealed class NegotiatedHttp2 : ITlsConnectionFeature, ITlsApplicationProtocolFeature
    {
        private static readonly byte[] Name = "h2"u8.ToArray();

        public X509Certificate2? ClientCertificate { get; set; }

        public ReadOnlyMemory<byte> ApplicationProtocol => Name;

        public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) => Task.FromResult(ClientCertificate);
    }
}
