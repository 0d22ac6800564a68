using System.Globalization;
using System.Net;
using KServePaged.Predictor.Configuration;

namespace KServePaged.Predictor.Storage;

/// <summary>An answer that is no success, as a sentence that says what to do.</summary>
internal static class HubRefusal
{
    private const string ErrorCode = "X-Error-Code";

    /// <param name="what">"the list of files", a file's name.</param>
    /// <param name="atEndpoint">False: another host, to which the endpoint has redirected.</param>
    /// <param name="withToken">Whether the request carried one.</param>
    public static HubException Of(HttpResponseMessage response, string what, HubReference model, HubOptions options, bool atEndpoint, bool withToken)
    {
        int status = (int)response.StatusCode;
        string? code = response.Headers.TryGetValues(ErrorCode, out IEnumerable<string>? values) ? values.FirstOrDefault() : null;
        string host = response.RequestMessage?.RequestUri?.Host ?? options.Endpoint; // without the path: a CDN's is signed
        // What another host refuses may be an address that has expired: the next try gets a new one.
        if (response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout || status >= 500 || !atEndpoint)
        {
            return new HubException($"{host} answers {status} to {what} of {model.Id}.") { MayPass = true, RetryAfter = RetryAfter(response) };
        }
        string sentence = (code, status) switch
        {
            ("GatedRepo", _) => Gated(model, options, withToken),
            ("RevisionNotFound", _) => $"{model.Id} has no revision '{model.Revision}': check --model_revision.",
            ("EntryNotFound", _) => $"{model.Id} has no {what} at {model.Revision}.",
            (_, 401) when withToken => $"{options.Endpoint} does not accept the token (HF_TOKEN), or it does not cover {model.Id} (401): check both, and the spelling of --model_id.",
            ("RepoNotFound", _) or (_, 401 or 404) => withToken
                ? $"{options.Endpoint} has no model {model.Id} that this token (HF_TOKEN) may read: check --model_id and the token's rights."
                : $"{options.Endpoint} has no public model {model.Id}: check --model_id; a private or gated model needs a token in HF_TOKEN.",
            (_, 403) => withToken
                ? $"The token (HF_TOKEN) may not read {model.Id} (403): give it read access to the contents of that model, and accept the model's terms if it has some."
                : $"{host} forbids reading {model.Id} without a token (403): set HF_TOKEN.",
            _ => $"{host} answers {status} to {what} of {model.Id}.",
        };
        return new HubException(sentence);
    }

    private static string Gated(HubReference model, HubOptions options, bool withToken) => withToken
        ? $"{model.Id} is gated and the account of the token (HF_TOKEN) has no access: ask for it at {options.Endpoint}/{model.Id}."
        : $"{model.Id} is gated: accept its terms at {options.Endpoint}/{model.Id} and set HF_TOKEN to a token of that account.";

    private static TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.TryGetValues("Retry-After", out IEnumerable<string>? values)
        && int.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) ? TimeSpan.FromSeconds(seconds) : null;
}
