using KServePaged.Predictor.Autoscaling.Grpc;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Transport.Grpc;

namespace KServePaged.Predictor.Autoscaling;

/// <summary>
/// externalscaler.ExternalScaler: the server as its own scaler for KEDA, so that it can be scaled on its queue with nothing else installed. No replica, no
/// scaler: what wakes a workload from zero must come from another trigger.
/// </summary>
internal sealed class ExternalScalerGrpc(ModelRepository repository, PeerLoads peers, TimeProvider clock)
{
    public const string Service = "externalscaler.ExternalScaler";

    // Engines tell nobody when they begin or end to work.
    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(1);

    private static readonly LoadMetric[] Busy = [LoadMetric.Named("vllm:num_requests_running")!, LoadMetric.Named("vllm:num_requests_waiting")!]; // in the list

    public IEnumerable<GrpcMethod> Methods =>
    [
        GrpcMethod.Unary(Service, "IsActive", ScaledObjectRef.Parser, IsActiveAsync),
        GrpcMethod.ServerStreaming<ScaledObjectRef, IsActiveResponse>(Service, "StreamIsActive", ScaledObjectRef.Parser, StreamIsActiveAsync),
        GrpcMethod.Unary(Service, "GetMetricSpec", ScaledObjectRef.Parser, (request, _) => Task.FromResult(Spec(ScalerTrigger.Read(request.ScalerMetadata)))),
        GrpcMethod.Unary(Service, "GetMetrics", GetMetricsRequest.Parser, GetMetricsAsync),
    ];

    private static GetMetricSpecResponse Spec(ScalerTrigger trigger) => new()
    {
        // Names of external metrics may hold no colon.
        MetricSpecs = { new MetricSpec { MetricName = NameOf(trigger.Metric), TargetSize = Math.Max(1, (long)trigger.Target), TargetSizeFloat = trigger.Target } },
    };

    private static string NameOf(LoadMetric metric) => metric.Name.Replace(':', '_');

    private async Task<IsActiveResponse> IsActiveAsync(ScaledObjectRef request, GrpcCallContext call)
    {
        ScalerTrigger trigger = ScalerTrigger.Read(request.ScalerMetadata);
        return new IsActiveResponse { Result = await IsBusyAsync(trigger, call.CancellationToken).ConfigureAwait(false) };
    }

    private async Task StreamIsActiveAsync(ScaledObjectRef request, GrpcMessageWriter<IsActiveResponse> responses, GrpcCallContext call)
    {
        ScalerTrigger trigger = ScalerTrigger.Read(request.ScalerMetadata);
        bool? last = null;
        using var timer = new PeriodicTimer(WatchInterval, clock);
        do
        {
            bool busy = await IsBusyAsync(trigger, call.CancellationToken).ConfigureAwait(false);
            if (busy != last)
            {
                await responses.WriteAsync(new IsActiveResponse { Result = busy }, call.CancellationToken).ConfigureAwait(false);
                last = busy;
            }
        }
        while (await timer.WaitForNextTickAsync(call.CancellationToken).ConfigureAwait(false));
    }

    private async Task<GetMetricsResponse> GetMetricsAsync(GetMetricsRequest request, GrpcCallContext call)
    {
        ScalerTrigger trigger = ScalerTrigger.Read(request.ScaledObjectRef?.ScalerMetadata ?? []);
        if (request.MetricName.Length > 0 && LoadMetric.Named(request.MetricName) != trigger.Metric)
        {
            throw new GrpcException(Errors.GrpcStatusCode.InvalidArgument, $"metricName '{request.MetricName}' is not the trigger's, {NameOf(trigger.Metric)}.");
        }
        double value = await ValueAsync(trigger.Metric, trigger, call.CancellationToken).ConfigureAwait(false);
        return new GetMetricsResponse
        {
            MetricValues = { new MetricValue { MetricName = NameOf(trigger.Metric), MetricValue_ = (long)Math.Ceiling(value), MetricValueFloat = value } },
        };
    }

    private async Task<bool> IsBusyAsync(ScalerTrigger trigger, CancellationToken cancellationToken)
    {
        foreach (LoadMetric metric in Busy)
        {
            if (await ValueAsync(metric, trigger with { Metric = metric }, cancellationToken).ConfigureAwait(false) > 0)
            {
                return true;
            }
        }
        return false;
    }

    private async Task<double> ValueAsync(LoadMetric metric, ScalerTrigger trigger, CancellationToken cancellationToken) =>
        trigger.Peers is { } names && await peers.AskAsync(names, trigger, cancellationToken).ConfigureAwait(false) is { } values
            ? metric.Merge([0.0, .. values])
            : metric.Here(repository);
}
