using Google.Protobuf;

namespace KServePaged.Predictor.Tests.Doubles;

/// <summary>A span as it was on the wire, read by the field numbers of OTLP's trace.proto.</summary>
internal sealed record CollectedSpan
{
    public string TraceId { get; private init; } = "";

    public string SpanId { get; private init; } = "";

    public string ParentId { get; private init; } = "";

    public string Name { get; private init; } = "";

    /// <summary>1 = internal, 2 = server.</summary>
    public int Kind { get; private init; }

    public ulong StartNanoseconds { get; private init; }

    public ulong EndNanoseconds { get; private init; }

    public IReadOnlyDictionary<string, object?> Attributes { get; private init; } = new Dictionary<string, object?>();

    /// <summary>0 = unset, 2 = error.</summary>
    public int Status { get; private init; }

    public double Milliseconds => (EndNanoseconds - StartNanoseconds) / 1e6;

    /// <summary>An ExportTraceServiceRequest: the resource's attributes and the spans of all scopes.</summary>
    public static (Dictionary<string, object?> Resource, List<CollectedSpan> Spans) Read(byte[] request)
    {
        var resource = new Dictionary<string, object?>();
        var spans = new List<CollectedSpan>();
        foreach (byte[] resourceSpans in Fields(request).Where(field => field.Number == 1).Select(field => field.Bytes!))
        {
            foreach ((int number, byte[]? bytes, _) in Fields(resourceSpans))
            {
                if (number == 1)
                {
                    resource = Pairs(Fields(bytes!).Where(field => field.Number == 1).Select(field => field.Bytes!));
                }
                else if (number == 2)
                {
                    spans.AddRange(Fields(bytes!).Where(field => field.Number == 2).Select(field => Span(field.Bytes!)));
                }
            }
        }
        return (resource, spans);
    }

    private static CollectedSpan Span(byte[] message)
    {
        List<(int Number, byte[]? Bytes, ulong Value)> fields = [.. Fields(message)];
        byte[] Bytes(int number) => fields.FirstOrDefault(field => field.Number == number).Bytes ?? [];
        ulong Value(int number) => fields.FirstOrDefault(field => field.Number == number).Value;
        return new CollectedSpan
        {
            TraceId = Convert.ToHexStringLower(Bytes(1)),
            SpanId = Convert.ToHexStringLower(Bytes(2)),
            ParentId = Convert.ToHexStringLower(Bytes(4)),
            Name = System.Text.Encoding.UTF8.GetString(Bytes(5)),
            Kind = (int)Value(6),
            StartNanoseconds = Value(7),
            EndNanoseconds = Value(8),
            Attributes = Pairs(fields.Where(field => field.Number == 9).Select(field => field.Bytes!)),
            Status = (int)Fields(Bytes(15)).FirstOrDefault(field => field.Number == 3).Value,
        };
    }

    private static Dictionary<string, object?> Pairs(IEnumerable<byte[]> pairs) => pairs.ToDictionary(
        pair => System.Text.Encoding.UTF8.GetString(Fields(pair).First(field => field.Number == 1).Bytes!),
        pair => Value(Fields(pair).FirstOrDefault(field => field.Number == 2).Bytes ?? []));

    private static object? Value(byte[] any)
    {
        (int number, byte[]? bytes, ulong value) = Fields(any).FirstOrDefault();
        return number switch
        {
            1 => System.Text.Encoding.UTF8.GetString(bytes!),
            2 => value != 0,
            3 => (long)value,
            4 => BitConverter.UInt64BitsToDouble(value),
            5 => Fields(bytes!).Select(item => Value(item.Bytes!)).ToArray(),
            _ => null,
        };
    }

    private static IEnumerable<(int Number, byte[]? Bytes, ulong Value)> Fields(byte[] message)
    {
        var input = new CodedInputStream(message);
        for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            yield return (tag & 7) switch
            {
                0 => ((int)(tag >> 3), null, input.ReadUInt64()),
                1 => ((int)(tag >> 3), null, input.ReadFixed64()),
                2 => ((int)(tag >> 3), input.ReadBytes().ToByteArray(), 0UL),
                5 => ((int)(tag >> 3), null, input.ReadFixed32()),
                _ => throw new InvalidDataException($"wire type {tag & 7}"),
            };
        }
    }
}
