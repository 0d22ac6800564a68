using System.Text;

namespace KServePaged.Serving.Load;

/// <summary>One request of a point.</summary>
/// <param name="Prompt">Token ids.</param>
/// <param name="OutputTokens">As many as the answer must have.</param>
/// <param name="RepeatsPrefix">An earlier request began with the same tokens.</param>
/// <param name="AtSeconds">When it arrives, from the start of the run; 0 where streams take the next one as they become free.</param>
internal sealed record LoadRequest(int[] Prompt, int OutputTokens, bool RepeatsPrefix, double AtSeconds)
{
    /// <summary>The body for <c>/v1/completions</c>.</summary>
    public byte[] Body() => Encoding.ASCII.GetBytes(
        $$"""{"prompt":[{{string.Join(',', Prompt)}}],"max_tokens":{{OutputTokens}},"temperature":0,"ignore_eos":true,"stream":true,"stream_options":{"include_usage":true} }""");
}
