namespace KServePaged.Engine.Core;

/// <summary>
/// How fast prompts are computed of late, and so how long what is pending will take. Rates are averages that forget: each step that mostly computed
/// prompts weighs an eighth. Engine thread only.
/// </summary>
internal sealed class LoadForecast
{
    private const double Weight = 1.0 / 8;

    private double _secondsPerToken;
    private double _promptTokens;

    /// <summary>A step was computed.</summary>
    /// <param name="tokens">In it.</param>
    /// <param name="sequences">In it; a decode has one token each.</param>
    public void Step(int tokens, int sequences, double seconds)
    {
        // Decodes are bound by memory and say nothing about the rate of prompts.
        if (tokens >= 2 * sequences && tokens > 0)
        {
            double perToken = seconds / tokens;
            _secondsPerToken = _secondsPerToken == 0 ? perToken : _secondsPerToken + (Weight * (perToken - _secondsPerToken));
        }
    }

    /// <summary>A prompt was taken up.</summary>
    /// <param name="tokens">Of it that must be computed.</param>
    public void Prompt(int tokens) => _promptTokens = _promptTokens == 0 ? tokens : _promptTokens + (Weight * (tokens - _promptTokens));

    /// <summary>Seconds until this many tokens are computed; 0 while nothing is known of the rate.</summary>
    public double WorkSeconds(long pendingTokens) => pendingTokens * _secondsPerToken;

    /// <summary>Seconds until a new request of the usual length would have its first token.</summary>
    public double FirstTokenSeconds(long pendingTokens) => (pendingTokens + _promptTokens) * _secondsPerToken;
}
