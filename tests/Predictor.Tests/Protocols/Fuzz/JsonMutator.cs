using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace KServePaged.Predictor.Tests.Protocols.Fuzz;

/// <summary>Sound JSON bodies made unsound, mostly in their structure and sometimes in their bytes.</summary>
internal sealed class JsonMutator(params string[] seeds)
{
    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "1", "-1", "2.5", "1e400", "-0.0", "2147483648", "9223372036854775807", "99999999999999999999", "\"\"", "\"x\"", "\"12\"", "\"NaN\"", "\"true\"",
        "\"\\u0000\"", "\"😀\"", "[]", "[1]", "[\"a\"]", "[[1,2],[3]]", "[null]", "[{}]", "{}", "{\"a\":1}", "\"{\\\"max_tokens\\\":3}\"", "\"[{\\\"role\\\":\\\"user\\\",\\\"content\\\":\\\"x\\\"}]\"",
        "\"BYTES\"", "\"INT32\"", "\"FP64\"", "\"BOOL\"", "\"UINT64\"", "[2147483647,2147483647]", "[-1]", "[4294967296]", "[0]",
    ];

    // Every name that stands in a seed may come to stand anywhere.
    private readonly string[] _names = [.. seeds.SelectMany(seed => Slots(JsonNode.Parse(seed)!)).Select(slot => slot.Name).OfType<string>().Distinct()];

    public byte[] Next(Random random)
    {
        JsonNode root = JsonNode.Parse(seeds[random.Next(seeds.Length)])!;
        for (int i = random.Next(0, 4); i > 0; i--)
        {
            Mutate(root, random);
        }
        byte[] bytes = Encoding.UTF8.GetBytes(root.ToJsonString());
        return random.Next(8) == 0 ? Spoil(bytes, random) : bytes;
    }

    private void Mutate(JsonNode root, Random random)
    {
        Slot[] slots = [.. Slots(root)];
        if (slots.Length == 0)
        {
            return;
        }
        Slot slot = slots[random.Next(slots.Length)];
        string name = _names[random.Next(_names.Length)];
        switch (random.Next(8))
        {
            case 0:
                slot.Remove();
                break;
            case 1:
                slot.Set(slots[random.Next(slots.Length)].Value?.DeepClone());
                break;
            case 2:
                (slot.Parent as JsonObject)?.TryAdd(name, AnyValue(random));
                (slot.Parent as JsonArray)?.Add(slot.Value?.DeepClone());
                break;
            case 3 when slot.Parent is JsonObject owner && slot.Name is not null:
                JsonNode? moved = slot.Value?.DeepClone();
                slot.Remove();
                owner[name] = moved;
                break;
            case 4:
                JsonNode? inner = slot.Value?.DeepClone();
                for (int depth = random.Next(10) == 0 ? random.Next(40) : 1; depth > 0; depth--)
                {
                    inner = random.Next(2) == 0 ? new JsonArray(inner) : new JsonObject { [name] = inner };
                }
                slot.Set(inner);
                break;
            case 5 when slot.Value is JsonValue value && value.TryGetValue(out string? text):
                slot.Set(text[..random.Next(text.Length + 1)] + "\\\"[{,\u0000é"[random.Next(7)]);
                break;
            default:
                slot.Set(AnyValue(random));
                break;
        }
    }

    private static JsonNode? AnyValue(Random random) => random.Next(4) == 0
        ? JsonValue.Create(random.Next(-3, 5).ToString(CultureInfo.InvariantCulture))
        : JsonNode.Parse(Values[random.Next(Values.Length)]);

    private static byte[] Spoil(byte[] bytes, Random random)
    {
        switch (random.Next(4))
        {
            case 0:
                return bytes[..random.Next(bytes.Length + 1)];
            case 1:
                return [.. bytes[..random.Next(bytes.Length)], .. "\\ud800"u8, .. bytes.AsSpan(random.Next(bytes.Length))];
            case 2:
                return [.. bytes, .. bytes.AsSpan(random.Next(bytes.Length))];
            default:
                for (int i = random.Next(1, 4); i > 0; i--)
                {
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                }
                return bytes;
        }
    }

    private static IEnumerable<Slot> Slots(JsonNode node) => node switch
    {
        JsonObject owner => owner.SelectMany(member => Below(new Slot(owner, member.Key, -1, member.Value))),
        JsonArray list => list.SelectMany((item, index) => Below(new Slot(list, null, index, item))),
        _ => [],
    };

    private static IEnumerable<Slot> Below(Slot slot) => slot.Value is null ? [slot] : Slots(slot.Value).Prepend(slot);

    private sealed record Slot(JsonNode Parent, string? Name, int Index, JsonNode? Value)
    {
        public void Remove()
        {
            (Parent as JsonObject)?.Remove(Name!); // an object's slot has a name
            (Parent as JsonArray)?.RemoveAt(Index);
        }

        public void Set(JsonNode? value)
        {
            if (Parent is JsonObject owner)
            {
                owner[Name!] = value; // as above
            }
            else
            {
                ((JsonArray)Parent)[Index] = value;
            }
        }
    }
}
