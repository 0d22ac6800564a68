using System.Text;
using KServePaged.Engine.Models;

namespace KServePaged.Engine.Tests.Models;

/// <summary>Configurations written in tests.</summary>
internal static class ConfigText
{
    /// <param name="architecture">Name in <c>architectures</c>.</param>
    /// <param name="rest">Further keys, without braces.</param>
    public static ModelConfig Of(string architecture, string rest = "") => ModelConfig.Parse(
        Encoding.UTF8.GetBytes($"{{\"architectures\":[\"{architecture}\"]{(rest.Length > 0 ? "," : "")}{rest}}}"), "config.json");

    /// <summary>A model of four heads of 8 and two layers.</summary>
    public static DecoderSpec Describe(string architecture, string rest = "") => ModelRegistry.Describe(Of(
        architecture,
        "\"hidden_size\":32,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"num_hidden_layers\":2,\"intermediate_size\":24" +
        (rest.Length > 0 ? "," : "") + rest));

    public static string Refusal(string architecture, string rest) =>
        Assert.Throws<InvalidDataException>(() => Describe(architecture, rest)).Message;
}
