using System.Net;
using System.Net.Sockets;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Transport;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KServePaged.Predictor;

/// <summary>Where the process listens. A second port for gRPC is a second door to the same house: both serve everything.</summary>
internal static class ServerPorts
{
    /// <summary>The certificate that the options name, or null.</summary>
    /// <exception cref="UsageException">It cannot be used.</exception>
    public static TlsCertificate? Certificate(ServerOptions options)
    {
        try
        {
            return options.CertificatePath is { } path ? TlsCertificate.Load(path, options.KeyPath, TimeProvider.System) : null;
        }
        catch (InvalidDataException e)
        {
            throw new UsageException(e.Message);
        }
    }

    public static void Listen(KestrelServerOptions kestrel, ServerOptions options, TlsCertificate? certificate)
    {
        StrictFraming.DisableLineFeedTerminators();
        kestrel.AddServerHeader = false;
        kestrel.AllowAlternateSchemes = true; // see OnePort
        kestrel.ConfigureEndpointDefaults(endpoint => endpoint.UseOnePort(certificate));
        kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
        kestrel.Limits.MaxRequestHeadersTotalSize = 128 << 10;
        kestrel.Limits.MaxRequestLineSize = 32 << 10;
        kestrel.Limits.Http2.MaxStreamsPerConnection = 1024; // a proxy brings the calls of many callers on one connection
        Listen(kestrel, options.Host!, options.Port); // set by Defaults
        if (options.GrpcPort != 0 && options.GrpcPort != options.Port)
        {
            Listen(kestrel, options.Host!, options.GrpcPort);
        }
    }

    /// <summary>What to say when the operating system refuses one of the ports.</summary>
    public static string Taken(ServerOptions options, string refusal) => refusal.Contains($":{options.GrpcPort}:", StringComparison.Ordinal)
        ? $"Port {options.GrpcPort} is taken: choose another with --grpc_port, or end the process that holds it."
        : $"Port {options.Port} is taken: choose another with --port, or end the process that holds it.";

    /// <summary>What to say when it cannot listen there at all.</summary>
    public static string Refused(ServerOptions options, SocketException refusal) => refusal.SocketErrorCode switch
    {
        SocketError.AddressNotAvailable => $"--host {options.Host} is no address of this machine: leave the option out to listen on all.",
        SocketError.AccessDenied => $"Port {options.Port} may not be opened by this user: choose one above 1023 with --port (and --grpc_port).",
        _ => $"{options.Host}, port {options.Port}, cannot be listened on: {refusal.Message}. Choose others with --host and --port.",
    };

    private static void Listen(KestrelServerOptions kestrel, string host, int port)
    {
        switch (host)
        {
            case "*":
                kestrel.ListenAnyIP(port);
                break;
            case "localhost" when port != 0: // Kestrel cannot bind both families to one free port
                kestrel.ListenLocalhost(port);
                break;
            default:
                kestrel.Listen(host == "localhost" ? IPAddress.Loopback : IPAddress.Parse(host), port); // checked by the command line
                break;
        }
    }
}
