using System.Runtime.CompilerServices;

namespace KServePaged.Predictor.Hosting;

/// <summary>The statistics of every served model, as long as it is served.</summary>
internal sealed class InferenceStatistics(TimeProvider clock)
{
    private readonly ConditionalWeakTable<ServedModel, InferenceMeter> _models = [];

    public InferenceMeter Of(ServedModel model) => _models.GetValue(model, _ => new InferenceMeter(clock));
}
