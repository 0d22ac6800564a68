using System.Reflection;

namespace KServePaged.Predictor.Hosting;

internal static class ProductInfo
{
    public const string Name = "kservepaged";

    public static string Version { get; } = typeof(ProductInfo).Assembly.GetName().Version!.ToString(3); // always set by the build
}
