using KServePaged.Predictor.Configuration;

namespace KServePaged.Predictor.Tests.Configuration;

public sealed class TraceEnvironmentTests
{
    [Theory]
    [InlineData("http://otel-collector:4317", "", "http://otel-collector:4317/", true)]
    [InlineData("otel-collector:4317", "", "http://otel-collector:4317/", true)]
    [InlineData("grpc://otel-collector:4317", "", "http://otel-collector:4317/", true)]
    [InlineData("http://otel-collector:4318", "", "http://otel-collector:4318/v1/traces", false)]
    [InlineData("https://tempo/v1/traces", "", "https://tempo/v1/traces", false)]
    [InlineData("http://otel-collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "http://otel-collector:4317/v1/traces", false)]
    [InlineData("http://otel-collector:4318", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc", "http://otel-collector:4318/", true)]
    [InlineData(null, "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318/base", "http://c:4318/base/v1/traces", false)]
    [InlineData(null, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c:4318/mine", "http://c:4318/mine", false)]
    [InlineData("http://a:4317", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317", "http://a:4317/", true)]
    public void Read_GivesAddressAndProtocol(string? option, string variables, string endpoint, bool isGrpc)
    {
        TracingOptions traces = TraceEnvironment.Read(option, Variables(variables), null)!;
        Assert.Equal((endpoint, isGrpc), (traces.Endpoint.ToString(), traces.IsGrpc));
    }

    [Theory]
    [InlineData(null, "")]
    [InlineData("http://a:4317", "OTEL_SDK_DISABLED=true")]
    [InlineData("http://a:4317", "OTEL_TRACES_EXPORTER=none")]
    public void Read_WhenNothingAsksForTraces_IsNull(string? option, string variables) => Assert.Null(TraceEnvironment.Read(option, Variables(variables), null));

    [Fact]
    public void Read_GivesServiceResourceHeadersAndSampling()
    {
        TracingOptions traces = TraceEnvironment.Read("a:4317", Variables(
            "OTEL_RESOURCE_ATTRIBUTES=service.name=x,team=a%20b;OTEL_EXPORTER_OTLP_HEADERS=key=secret;OTEL_TRACES_SAMPLER=traceidratio;OTEL_TRACES_SAMPLER_ARG=0.25"), "isvc")!;
        Assert.Equal(("x", "key=secret", 0.25, false), (traces.ServiceName, traces.Headers, traces.Ratio, traces.FollowsCaller));
        Assert.Equal([new("team", "a b")], traces.Attributes);
        Assert.Equal(("isvc", 1.0, true), TraceEnvironment.Read("a:4317", Variables(""), "isvc") is { } plain ? (plain.ServiceName, plain.Ratio, plain.FollowsCaller) : default);
        Assert.Equal(0, TraceEnvironment.Read("a:4317", Variables("OTEL_TRACES_SAMPLER=parentbased_always_off"), "isvc")!.Ratio);
    }

    [Theory]
    [InlineData("OTEL_TRACES_SAMPLER=often", "OTEL_TRACES_SAMPLER 'often'")]
    [InlineData("OTEL_TRACES_SAMPLER=traceidratio;OTEL_TRACES_SAMPLER_ARG=2", "OTEL_TRACES_SAMPLER_ARG '2'")]
    [InlineData("OTEL_EXPORTER_OTLP_PROTOCOL=http/json", "OTEL_EXPORTER_OTLP_PROTOCOL 'http/json'")]
    [InlineData("OTEL_RESOURCE_ATTRIBUTES=nonsense", "OTEL_RESOURCE_ATTRIBUTES 'nonsense'")]
    public void Read_WhatCannotBeFollowed_StopsTheStart(string variables, string message) =>
        Assert.StartsWith(message, Assert.Throws<UsageException>(() => TraceEnvironment.Read("a:4317", Variables(variables), null)).Message);

    [Fact]
    public void Settings_ShowNoPasswordOfAnAddress()
    {
        var serve = (CommandLineResult.Serve)CommandLine.Parse(
            ["--model_dir", "/m", "--inference_log_url", "http://me:pass@sink/x", "--otlp_traces_endpoint", "http://me:pass@otel:4317", "--collect_detailed_traces", "all"],
            new ServerEnvironment { OpenTelemetry = Variables("OTEL_EXPORTER_OTLP_HEADERS=key=secret") });
        string shown = HelpText.Settings(serve.Options);
        Assert.Contains("inference_log_url=http://sink/x", shown);
        Assert.Contains("otlp_traces_endpoint=http://otel:4317", shown);
        Assert.DoesNotContain("pass", shown);
        Assert.DoesNotContain("secret", shown);
        Assert.Contains("collect_detailed_traces", Assert.Single(serve.Notes));
    }

    private static Dictionary<string, string> Variables(string text) =>
        text.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
}
