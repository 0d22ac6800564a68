namespace KServePaged.Predictor.Configuration;

/// <summary>
/// Arguments to options. Written for how they arrive: KServe concatenates a runtime's and an InferenceService's arguments, so a later
/// occurrence replaces an earlier one, and only the last is looked at; spellings of KServe (<c>_</c>) and vLLM (<c>-</c>) mean the same.
/// </summary>
internal static class CommandLine
{
    /// <exception cref="UsageException">An argument cannot be followed.</exception>
    public static CommandLineResult Parse(IReadOnlyList<string> arguments, ServerEnvironment environment)
    {
        if (arguments.Any(argument => argument is "--help" or "-h"))
        {
            return new CommandLineResult.Help();
        }
        if (arguments.Contains("--version"))
        {
            return new CommandLineResult.Version();
        }
        if (arguments is ["drain", ..])
        {
            return Drain([.. arguments.Skip(1)]);
        }
        (Dictionary<CommandLineOption, Occurrence> own, Dictionary<ForeignOption, Occurrence> foreign) = Read(arguments);
        ServerOptions options = Defaults.Before(environment);
        // In the order they were last given, so that the later of api_key and api_key_file wins like any other repetition.
        foreach ((CommandLineOption option, Occurrence given) in own.OrderBy(pair => pair.Value.Position))
        {
            options = Apply(option, given, options);
        }
        string[] unused = options is { ModelId: { } id, Engine.ModelPath: { Length: > 0 } path } && path != id
            ? [$"--model_dir '{path}' is not used: --model_id names the model."]
            : [];
        return new CommandLineResult.Serve(
            Defaults.After(options, environment), [.. unused, .. foreign.OrderBy(pair => pair.Value.Position).Select(pair => Note(pair.Key, pair.Value))]);
    }

    private static CommandLineResult.Drain Drain(string[] arguments)
    {
        try
        {
            return arguments switch
            {
                [] => new CommandLineResult.Drain(TimeSpan.FromSeconds(10)),
                [var seconds] => new CommandLineResult.Drain(OptionValues.Seconds(seconds, 3600)),
                _ => throw new FormatException("at most one number of seconds"),
            };
        }
        catch (FormatException e)
        {
            throw new UsageException($"drain '{string.Join(' ', arguments)}' cannot be used: it takes {e.Message}.");
        }
    }

    private static (Dictionary<CommandLineOption, Occurrence> Own, Dictionary<ForeignOption, Occurrence> Foreign) Read(
        IReadOnlyList<string> arguments)
    {
        var own = new Dictionary<CommandLineOption, Occurrence>();
        var foreign = new Dictionary<ForeignOption, Occurrence>();
        for (int i = 0; i < arguments.Count;)
        {
            int position = i;
            (string typed, string name, string? attached) = Split(arguments[i++]);
            CommandLineOption? option = CommandLineTable.Options.FirstOrDefault(o => o.Names.Contains(name));
            ForeignOption? other = option is null ? ForeignOption.All.FirstOrDefault(o => o.Name == name) : null;
            if (option is null && other is null && name.StartsWith("no_", StringComparison.Ordinal) && attached is null
                && IsSwitch(name[3..], ref option, ref other))
            {
                attached = "false";
            }
            OptionArity arity = option?.Arity ?? other?.Arity ?? throw Unknown(typed, name);
            var given = new Occurrence(typed, position, Values(arguments, ref i, arity, typed, attached));
            if (option is not null)
            {
                own[option] = given;
            }
            else
            {
                foreign[other!] = given; // one of the two was found, or Unknown was thrown
            }
        }
        return (own, foreign);
    }

    private static bool IsSwitch(string name, ref CommandLineOption? option, ref ForeignOption? other)
    {
        option = CommandLineTable.Options.FirstOrDefault(o => o.Arity == OptionArity.Switch && o.Names.Contains(name));
        other = option is null ? ForeignOption.All.FirstOrDefault(o => o.Arity == OptionArity.Switch && o.Name == name) : null;
        return option is not null || other is not null;
    }

    private static (string Typed, string Name, string? Attached) Split(string argument)
    {
        if (!argument.StartsWith("--", StringComparison.Ordinal) || argument.Length == 2)
        {
            throw new UsageException($"Unexpected argument '{argument}': options begin with --, and the model is named with --model_dir PATH.");
        }
        int equals = argument.IndexOf('=', StringComparison.Ordinal);
        string typed = equals < 0 ? argument : argument[..equals];
        return (typed, typed[2..].Replace('-', '_'), equals < 0 ? null : argument[(equals + 1)..]);
    }

    private static List<string> Values(IReadOnlyList<string> arguments, ref int next, OptionArity arity, string typed, string? attached)
    {
        List<string> values = attached is null ? [] : [attached];
        bool TakesNext(int i, IReadOnlyList<string> from) => i < from.Count && arity switch
        {
            OptionArity.Switch => values.Count == 0 && OptionValues.TryBoolean(from[i]) is not null,
            OptionArity.One => values.Count == 0 && !from[i].StartsWith("--", StringComparison.Ordinal),
            _ => !from[i].StartsWith("--", StringComparison.Ordinal),
        };
        while (TakesNext(next, arguments))
        {
            values.Add(arguments[next++]);
        }
        if (arity == OptionArity.Switch && values.Count == 0)
        {
            values.Add("true");
        }
        if (values.Count == 0 || values.Any(string.IsNullOrWhiteSpace))
        {
            throw new UsageException($"{typed} needs a value.");
        }
        return values;
    }

    private static ServerOptions Apply(CommandLineOption option, Occurrence given, ServerOptions options)
    {
        try
        {
            return option.Set(options, given.Values);
        }
        catch (FormatException e)
        {
            throw Refusal(given, e.Message);
        }
    }

    private static string Note(ForeignOption option, Occurrence given)
    {
        if (option.Allowed is { } allowed && !allowed.Contains(given.Values[0], StringComparer.OrdinalIgnoreCase))
        {
            throw Refusal(given, (allowed.Length == 1 ? "only " : "one of ") + string.Join(", ", allowed));
        }
        return $"{given.Typed} has no effect here: {option.Because}.";
    }

    private static UsageException Refusal(Occurrence given, string allowed) =>
        new($"{given.Typed} '{string.Join(' ', given.Values)}' cannot be used: it takes {allowed}.");

    private static UsageException Unknown(string typed, string name)
    {
        string nearest = CommandLineTable.Shown.SelectMany(option => option.Names).MinBy(known => Spelling.Distance(name, known))!; // the table is not empty
        string hint = Spelling.Distance(name, nearest) <= Math.Max(2, name.Length / 3) ? $" Did you mean --{nearest}?" : " --help lists all.";
        return new UsageException($"There is no option {typed}.{hint}");
    }

    private sealed record Occurrence(string Typed, int Position, List<string> Values);
}
