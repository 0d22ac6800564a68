using KServePaged.Engine;
using KServePaged.Predictor.Autoscaling;
using KServePaged.Predictor.Autoscaling.Grpc;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Hosting.Grpc;
using KServePaged.Predictor.InferenceLogging;
using KServePaged.Predictor.Protocols.KServeV1;
using KServePaged.Predictor.Protocols.OpenAI;
using KServePaged.Predictor.Protocols.OpenInference;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using KServePaged.Predictor.Protocols.OpenInference.Rest;
using KServePaged.Predictor.Protocols.OpenInference.TestModels;
using KServePaged.Predictor.Security;
using KServePaged.Predictor.Telemetry;
using KServePaged.Predictor.Telemetry.Logs;
using KServePaged.Predictor.Telemetry.Requests;
using KServePaged.Predictor.Telemetry.Traces;
using KServePaged.Predictor.Transport;
using KServePaged.Predictor.Transport.Grpc;

namespace KServePaged.Predictor;

/// <summary>Puts the rooms together. A protocol is one error shape and one Map line.</summary>
internal static class PredictorApplication
{
    /// <param name="output">Where the curl line goes when the model is ready.</param>
    /// <param name="free">How much memory there is for the models of a repository; null = as the engine says.</param>
    /// <param name="clock">Null = the system's.</param>
    /// <param name="log">Where log lines go; null = standard error.</param>
    public static WebApplication Build(
        ServerOptions options, EngineLoader load, TextWriter output, FreeMemory? free = null, TimeProvider? clock = null, Stream? log = null)
    {
        TlsCertificate? certificate = ServerPorts.Certificate(options);
        // The empty builder: neither configuration files nor ASPNETCORE_* variables can change what the command line says.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => ServerPorts.Listen(kestrel, options, certificate));
        clock ??= TimeProvider.System;
        var threshold = new LogThreshold(options.Log.Level);
        var losses = new TelemetryLosses();
        var tracing = new Tracing(options, losses, ProductInfo.Version);
        Log(builder.Logging, threshold, new LineLogProvider(
            options.Log.IsJson ? new JsonLogFormat() : new TextLogFormat(), new LogLines(log ?? Console.OpenStandardError(), losses), clock));
        // A port that cannot be opened is told in one sentence by ServerRun; the host would put the stack before it.
        bool listening = false;
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting", level => threshold.Passes(level, listening ? LogLevel.Warning : LogLevel.Critical));
        IServiceCollection services = builder.Services;
        services.AddRoutingCore();
        // The framework's own authorization, CORS and antiforgery, which nothing here uses, are looked for at every request otherwise.
        services.Configure<RouteOptions>(routing => routing.SuppressCheckForUnhandledSecurityMetadata = true);
        // Above the drain's own limit, so that it is the drain that decides.
        services.Configure<HostOptions>(host => host.ShutdownTimeout = options.ShutdownTimeout + TimeSpan.FromSeconds(5));
        services.AddSingleton(options).AddSingleton(threshold).AddSingleton(Observed(load, options, tracing, clock)).AddSingleton(clock).AddSingleton(output);
        services.AddSingleton(_ => losses).AddSingleton(_ => tracing).AddSingleton<RequestLog>().AddSingleton<InferenceLog>();
        services.AddSingleton<OpenCalls>().AddHostedService(provider => provider.GetRequiredService<OpenCalls>());
        services.AddSingleton<LoadReporter>().AddSingleton(free ?? LlmEngine.FreeMemory).AddSingleton<ModelRepository>().AddSingleton<LoadQueue>()
            .AddSingleton<ModelMetrics>().AddSingleton<EngineHost>().AddHostedService(provider => provider.GetRequiredService<EngineHost>())
            .AddSingleton<FailureWatch>().AddHostedService(provider => provider.GetRequiredService<FailureWatch>());
        services.AddSingleton(new ApiKeys(options.ApiKeys)).AddSingleton<ErrorWriter>();
        if (certificate is not null)
        {
            services.AddSingleton(certificate);
        }
        services.AddMetricsExposition();
        foreach (ServedModel model in options.TestModels ? TestModels.Create(TimeProvider.System) : [])
        {
            services.AddSingleton(model);
        }
        services.AddSingleton<InferenceStatistics>().AddSingleton<OpenInferenceGrpc>().AddSingleton<ManagementGrpc>();
        services.AddSingleton<PeerLoads>().AddSingleton<ExternalScalerGrpc>();
        services.AddSingleton<IErrorShape, GrpcErrorShape>().AddSingleton<IErrorShape, RestErrorShape>()
            .AddSingleton<IErrorShape, V1ErrorShape>().AddSingleton<IErrorShape, OpenAIErrorShape>(); // OpenAI's owns every path, so it comes last

        WebApplication app = builder.Build();
        app.Lifetime.ApplicationStarted.Register(() => listening = true);
        app.UseMiddleware<LeavingConnections>().UseMiddleware<RequestIds>().UseMiddleware<RequestTelemetry>();
        if (options.InferenceLog.Url is not null)
        {
            app.UseMiddleware<InferenceLogMiddleware>();
        }
        app.UseMiddleware<ErrorMiddleware>().UseMiddleware<StrictFraming>().UseRouting().UseMiddleware<ApiKeyMiddleware>();
        app.MapHealth();
        app.MapMetrics();
        app.Services.GetRequiredService<ModelMetrics>(); // from the start of the process, like the instruments that it joins
        app.MapOpenAI();
        app.MapOpenInference();
        app.MapKServeV1();
        MapGrpcServices(app);
        return app;
    }

    private static void MapGrpcServices(WebApplication app)
    {
        var limits = new GrpcLimits();
        var health = new GrpcHealth(
            app.Services.GetRequiredService<ModelRepository>(), [OpenInferenceGrpc.Service, GrpcHealth.Service], app.Services.GetRequiredService<TimeProvider>());
        var reflection = new GrpcReflection([OpenInferenceReflection.Descriptor, HealthReflection.Descriptor, ExternalScalerReflection.Descriptor]);
        foreach (GrpcMethod method in app.Services.GetRequiredService<OpenInferenceGrpc>().Methods
            .Concat(app.Services.GetRequiredService<ManagementGrpc>().Methods).Concat(reflection.Methods))
        {
            app.MapGrpc(method, limits);
        }
        // Probes and autoscalers carry no keys, and see no content.
        foreach (GrpcMethod method in health.Methods.Concat(app.Services.GetRequiredService<ExternalScalerGrpc>().Methods))
        {
            app.MapGrpc(method, limits).WithMetadata(OpenToAll.Instance);
        }
    }

    private static EngineLoader Observed(EngineLoader load, ServerOptions server, Tracing tracing, TimeProvider clock) => tracing.IsOn || server.Log.Requests
        ? async (options, progress, loggers, cancellationToken) => new ObservedEngine(
            await load(options, progress, loggers, cancellationToken).ConfigureAwait(false), options.ModelName ?? options.ModelPath, tracing,
            server.Log.RequestContents ? server.Log.MaxContentLength : null, clock)
        : load;

    private static void Log(ILoggingBuilder logging, LogThreshold threshold, LineLogProvider provider)
    {
        logging.Services.AddSingleton<ILoggerProvider>(_ => provider);
        logging.AddFilter(level => threshold.Passes(level));
        // Kestrel itself warns that a port without TLS cannot negotiate HTTP/2, which OnePort does for it; its parts keep their say.
        logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel", level => threshold.Passes(level, LogLevel.Error));
        logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel.", level => threshold.Passes(level, LogLevel.Warning));
        logging.AddFilter("Microsoft", level => threshold.Passes(level, LogLevel.Warning));
        // While this one is heard at all, the framework makes an Activity and a logging scope for every request, which nothing here reads.
        logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", static _ => false);
    }
}
