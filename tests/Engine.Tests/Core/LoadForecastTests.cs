using KServePaged.Engine.Core;

namespace KServePaged.Engine.Tests.Core;

public sealed class LoadForecastTests
{
    [Fact]
    public void WorkSeconds_FollowsTheRateOfPromptsAndIgnoresDecodes()
    {
        var forecast = new LoadForecast();
        Assert.Equal(0, forecast.WorkSeconds(1000)); // nothing is known yet
        forecast.Step(tokens: 500, sequences: 2, seconds: 0.5);
        Assert.Equal(1.0, forecast.WorkSeconds(1000), 12);
        forecast.Step(tokens: 16, sequences: 16, seconds: 0.4); // decodes
        Assert.Equal(1.0, forecast.WorkSeconds(1000), 12);
        forecast.Step(tokens: 1000, sequences: 1, seconds: 9); // 9 ms instead of 1 ms a token, an eighth of the way
        Assert.Equal(2.0, forecast.WorkSeconds(1000), 12);
        forecast.Step(tokens: 0, sequences: 0, seconds: 1);
        Assert.Equal(2.0, forecast.WorkSeconds(1000), 12);
    }

    [Fact]
    public void FirstTokenSeconds_AddsThePromptOfTheUsualLength()
    {
        var forecast = new LoadForecast();
        forecast.Step(tokens: 100, sequences: 1, seconds: 0.1);
        Assert.Equal(0, forecast.FirstTokenSeconds(0), 12);
        forecast.Prompt(200);
        Assert.Equal(0.2, forecast.FirstTokenSeconds(0), 12);
        forecast.Prompt(1000);
        Assert.Equal(0.3 + 1.0, forecast.FirstTokenSeconds(1000), 12);
    }
}
