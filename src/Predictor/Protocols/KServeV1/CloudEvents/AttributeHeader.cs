using System.Globalization;
using System.Text;

namespace KServePaged.Predictor.Protocols.KServeV1.CloudEvents;

/// <summary>An attribute's text as the value of its header: blanks, quotes, percent signs and all but visible ASCII are percent-encoded UTF-8.</summary>
internal static class AttributeHeader
{
    public const string Prefix = "ce-";

    public static string Encode(string value)
    {
        var encoded = new StringBuilder(value.Length);
        foreach (byte octet in Encoding.UTF8.GetBytes(value))
        {
            if (octet is > (byte)' ' and < 0x7F and not ((byte)'"' or (byte)'%'))
            {
                encoded.Append((char)octet);
            }
            else
            {
                encoded.Append(CultureInfo.InvariantCulture, $"%{octet:X2}");
            }
        }
        return encoded.ToString();
    }

    /// <summary>Undoes quotes first, then one round of percent-encoding; a sign that encodes nothing stands for itself.</summary>
    public static string Decode(string header)
    {
        string value = header.Trim();
        return Uri.UnescapeDataString(value.Length >= 2 && value[0] == '"' && value[^1] == '"' ? Unquote(value[1..^1]) : value);
    }

    private static string Unquote(string quoted)
    {
        var text = new StringBuilder(quoted.Length);
        for (int i = 0; i < quoted.Length; i++)
        {
            text.Append(quoted[i] == '\\' && i + 1 < quoted.Length ? quoted[++i] : quoted[i]);
        }
        return text.ToString();
    }
}
