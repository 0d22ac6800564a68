using System.Text.Json;

namespace KServePaged.Predictor.Protocols.KServeV1.CloudEvents;

/// <summary>An event of CloudEvents 1.0 with JSON data.</summary>
/// <param name="Attributes">By name, in their canonical string form; id, source, specversion and type are among them and not empty.</param>
/// <param name="Data">The data as JSON, whatever type the event gives it.</param>
internal sealed record CloudEvent(CloudEventMode Mode, IReadOnlyDictionary<string, string> Attributes, JsonElement Data);
