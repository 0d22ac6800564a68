using System.Runtime.CompilerServices;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Hosting;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>A model of tensors that answers each request once and at once.</summary>
internal abstract class ImmediateModel(string name, ModelDescription description, TimeProvider clock) : TensorModel(name, description, clock)
{
    public override IReadOnlyList<InferTensor> RespondOnce(InferRequest request, InferenceWatch watch)
    {
        Begin();
        try
        {
            Check(request, watch);
            IReadOnlyList<InferTensor> outputs = TensorRequest.Select(Compute(request), request.Outputs);
            watch.Answering(TimeSpan.Zero); // nothing queues
            return outputs;
        }
        finally
        {
            End();
        }
    }

    protected sealed override async IAsyncEnumerable<TensorResponse> ComputeAsync(InferRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(false); // there is nothing to wait for
        yield return new TensorResponse(Compute(request), IsLast: true);
    }

    /// <summary>The model itself. What it is given fits its description.</summary>
    /// <exception cref="RequestException">Values that it cannot work with.</exception>
    protected abstract IReadOnlyList<InferTensor> Compute(InferRequest request);
}
