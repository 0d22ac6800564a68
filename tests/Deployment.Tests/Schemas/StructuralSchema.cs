using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace KServePaged.Deployment.Tests.Schemas;

/// <summary>
/// The OpenAPI schema of a custom resource, applied as the API server applies it under strict field validation: an object takes the fields that are
/// listed and no other, unless the schema keeps unknown ones. Rules in CEL (x-kubernetes-validations) are not evaluated. A keyword that this class does
/// not know throws, so no part of a schema is passed over in silence.
/// </summary>
internal sealed class StructuralSchema(JsonObject schema)
{
    private static readonly HashSet<string> WithoutMeaningHere =
    [
        "description", "default", "format", "title", "example", "externalDocs", "x-kubernetes-map-type", "x-kubernetes-validations", "$schema",
        "x-kubernetes-list-map-keys", "x-kubernetes-embedded-resource", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string", "nullable",
    ];

    /// <summary>The schema of a field, for the schemas of other kinds that hold the same type.</summary>
    public StructuralSchema At(params string[] path) =>
        new(path.Aggregate(schema, (at, name) => (JsonObject)(name == "[]" ? at["items"] : at["properties"]?[name])!)); // a wrong path fails in the cast

    /// <returns>One sentence for each mistake, beginning with the path of the field.</returns>
    public IReadOnlyList<string> Validate(JsonNode? value, string path = "")
    {
        var errors = new List<string>();
        Check(schema, value, path, errors, isBranch: false);
        return errors;
    }

    private static void Check(JsonObject schema, JsonNode? value, string path, List<string> errors, bool isBranch)
    {
        if (value is null)
        {
            if (schema["nullable"]?.GetValue<bool>() != true && !isBranch && schema["type"] is not null)
            {
                errors.Add($"{path}: has no value");
            }
            return;
        }
        if (schema["type"]?.GetValue<string>() is { } type && !IsOfType(value, type))
        {
            errors.Add($"{path}: {value.ToJsonString()} is not of type {type}");
            return;
        }
        if (schema["x-kubernetes-int-or-string"] is not null && !IsOfType(value, "integer") && !IsOfType(value, "string"))
        {
            errors.Add($"{path}: {value.ToJsonString()} is neither an integer nor a string");
            return;
        }
        foreach ((string keyword, JsonNode? argument) in schema)
        {
            Apply(keyword, argument!, schema, value, path, errors);
        }
        if (value is JsonObject fields && !isBranch)
        {
            RefuseUnknown(schema, fields, path, errors);
        }
    }

    private static void Apply(string keyword, JsonNode argument, JsonObject schema, JsonNode value, string path, List<string> errors)
    {
        switch (keyword)
        {
            case "type" or "additionalProperties":
                break; // done before and after
            case "properties" when value is JsonObject fields:
                foreach ((string name, JsonNode? field) in (JsonObject)argument)
                {
                    if (fields.TryGetPropertyValue(name, out JsonNode? given))
                    {
                        Check((JsonObject)field!, given, $"{path}.{name}", errors, isBranch: false);
                    }
                }
                break;
            case "items" when value is JsonArray items:
                for (int i = 0; i < items.Count; i++)
                {
                    Check((JsonObject)argument, items[i], $"{path}[{i}]", errors, isBranch: false);
                }
                break;
            case "required" when value is JsonObject fields:
                errors.AddRange(((JsonArray)argument).Select(name => name!.GetValue<string>())
                    .Where(name => !fields.ContainsKey(name)).Select(name => $"{path}.{name}: is required"));
                break;
            case "properties" or "items" or "required":
                break; // of another type than the value
            case "allOf":
                foreach (JsonNode? branch in (JsonArray)argument)
                {
                    Check((JsonObject)branch!, value, path, errors, isBranch: true);
                }
                break;
            case "anyOf" or "oneOf" or "not":
                Combine(keyword, argument, value, path, errors);
                break;
            case "x-kubernetes-list-type":
                RequireUnique(argument.GetValue<string>(), schema, (JsonArray)value, path, errors);
                break;
            default:
                if (!WithoutMeaningHere.Contains(keyword) && !Limits.TryCheck(keyword, argument, value, path, errors))
                {
                    throw new NotSupportedException($"keyword '{keyword}' of a schema");
                }
                break;
        }
    }

    private static void Combine(string keyword, JsonNode argument, JsonNode value, string path, List<string> errors)
    {
        IEnumerable<JsonNode?> branches = argument is JsonArray several ? several : [argument];
        int holding = branches.Count(branch =>
        {
            var found = new List<string>();
            Check((JsonObject)branch!, value, path, found, isBranch: true);
            return found.Count == 0;
        });
        bool holds = keyword switch { "anyOf" => holding > 0, "oneOf" => holding == 1, _ => holding == 0 };
        if (!holds)
        {
            errors.Add($"{path}: {value.ToJsonString()} breaks {keyword}");
        }
    }

    private static void RefuseUnknown(JsonObject schema, JsonObject fields, string path, List<string> errors)
    {
        if (schema["x-kubernetes-preserve-unknown-fields"]?.GetValue<bool>() == true || schema["x-kubernetes-embedded-resource"] is not null)
        {
            return;
        }
        var known = schema["properties"] as JsonObject;
        foreach ((string name, JsonNode? field) in fields.Where(field => known?.ContainsKey(field.Key) != true))
        {
            switch (schema["additionalProperties"])
            {
                case JsonObject values: Check(values, field, $"{path}.{name}", errors, isBranch: false); break;
                case JsonValue open when open.GetValue<bool>(): break;
                default: errors.Add($"{path}.{name}: unknown field"); break;
            }
        }
    }

    private static void RequireUnique(string listType, JsonObject schema, JsonArray items, string path, List<string> errors)
    {
        if (listType == "atomic")
        {
            return;
        }
        string[] keys = [.. (schema["x-kubernetes-list-map-keys"] as JsonArray ?? []).Select(key => key!.GetValue<string>())];
        JsonObject? fields = schema["items"]?["properties"] as JsonObject;
        // A key that is left out counts with its default: a port's protocol is TCP.
        string KeyOf(JsonNode? item) => keys.Length == 0
            ? item!.ToJsonString()
            : string.Join(' ', keys.Select(key => (item![key] ?? fields?[key]?["default"])?.ToJsonString()));
        errors.AddRange(items.GroupBy(KeyOf).Where(group => group.Count() > 1).Select(group => $"{path}: {group.Key} is given twice"));
    }

    internal static bool IsOfType(JsonNode value, string type) => type switch
    {
        "object" => value is JsonObject,
        "array" => value is JsonArray,
        "string" => value is JsonValue && value.GetValueKind() == System.Text.Json.JsonValueKind.String,
        "boolean" => value is JsonValue && value.GetValueKind() is System.Text.Json.JsonValueKind.True or System.Text.Json.JsonValueKind.False,
        "integer" => value is JsonValue && value.GetValueKind() == System.Text.Json.JsonValueKind.Number && !Regex.IsMatch(value.ToJsonString(), "[.eE]"),
        "number" => value is JsonValue && value.GetValueKind() == System.Text.Json.JsonValueKind.Number,
        _ => throw new NotSupportedException($"type '{type}' of a schema"),
    };
}
