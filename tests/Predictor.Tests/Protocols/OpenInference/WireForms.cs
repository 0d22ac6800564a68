using System.Text;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;

namespace KServePaged.Predictor.Tests.Protocols.OpenInference;

/// <summary>What is read by hand off the wire is what the generated class reads.</summary>
internal static class WireForms
{
    /// <returns>The one that was read by hand.</returns>
    public static WireInferRequest AssertSame(ModelInferRequest expected, WireInferRequest actual)
    {
        Assert.Equal((expected.ModelName, expected.ModelVersion, expected.Id), (actual.ModelName, actual.ModelVersion, actual.Id));
        Assert.Equal(Show(expected.Parameters), Show(actual.Parameters));
        Assert.Equal(expected.Outputs, actual.Outputs);
        Assert.Equal(expected.RawInputContents.Select(raw => Convert.ToHexString(raw.Span)), actual.RawInputs.Select(raw => Convert.ToHexString(raw.Span)));
        Assert.Equal(
            expected.Inputs.Select(input => (input.Name, input.Datatype, string.Join(',', input.Shape), Show(input.Parameters), (InferTensorContents?)input.Contents)),
            actual.Inputs.Select(input => (input.Name, input.Datatype, string.Join(',', input.Shape), Show(input.Parameters), input.Contents)));
        return actual;
    }

    private static string Show(IDictionary<string, InferParameter>? parameters)
    {
        var text = new StringBuilder();
        foreach ((string name, InferParameter value) in (parameters ?? new Dictionary<string, InferParameter>()).OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            text.Append(name).Append('=').Append(value).Append(';');
        }
        return text.ToString();
    }
}
