namespace KServePaged.Engine.Weights.Formats;

/// <summary>The list of weight formats.</summary>
internal static class WeightFormats
{
    private static readonly PlainFormat Plain = new();

    private static readonly IWeightFormat[] All = [Plain];

    /// <param name="quantization">A model's <c>quantization_config</c>; null = none.</param>
    /// <exception cref="InvalidDataException">No format of that name is supported.</exception>
    public static IWeightFormat Choose(ConfigFields? quantization)
    {
        if (quantization is null)
        {
            return Plain;
        }
        string? method = quantization.Text("quant_method");
        return All.FirstOrDefault(format => format.Method is not null && format.Method == method)
            ?? throw quantization.Invalid("quant_method", $"supported are {string.Join(", ", All.Select(format => format.Description))}");
    }
}
