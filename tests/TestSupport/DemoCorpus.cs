using System.Text.Json.Nodes;

namespace KServePaged.TestSupport;

/// <summary>
/// The corpus of the embedded model, eng/demo-model/corpus. Blocks are parted by empty lines; <c>S:</c> a system message, <c>Q:</c> and <c>D:</c>
/// phrasings of a question, <c>A:</c> its answer (continued by lines with two leading spaces), <c>T:</c> a text and, after a bar, how it goes on.
/// </summary>
internal static class DemoCorpus
{
    private static readonly string[] Definitions = ["What is {0}?", "Explain {0}.", "Tell me about {0}.", "What does {0} mean?"];

    /// <summary>A prompt, as messages or as text, and the answer that was taught.</summary>
    internal sealed record Question(JsonArray? Messages, string? Text, string Answer)
    {
        public override string ToString() => Text ?? string.Join(" / ", Messages!.Select(message => message!["content"])); // one of the two is set
    }

    /// <summary>The checkout's models/demo.</summary>
    public static string ModelPath => Path.Combine(RepositoryRoot(), "models", "demo");

    /// <summary>Every question once; later turns of a conversation see the written answers before them.</summary>
    public static IReadOnlyList<Question> Read()
    {
        var questions = new List<Question>();
        var seen = new HashSet<string>();
        foreach (string file in Directory.EnumerateFiles(Path.Combine(RepositoryRoot(), "eng", "demo-model", "corpus"), "*.txt").Order(StringComparer.Ordinal))
        {
            var block = new List<string>();
            foreach (string line in File.ReadLines(file).Where(line => !line.StartsWith('#')).Append(""))
            {
                if (line.Trim().Length > 0)
                {
                    block.Add(line);
                    continue;
                }
                questions.AddRange(OfBlock(block).Where(question => question.Messages is null || seen.Add(question.Messages.ToJsonString())));
                block.Clear();
            }
        }
        return questions;
    }

    private static IEnumerable<Question> OfBlock(List<string> block)
    {
        if (block.Count == 1 && block[0].StartsWith("T: ", StringComparison.Ordinal))
        {
            string[] parts = block[0][3..].Trim().Split(" | ", 2);
            return [new Question(null, parts[0], " " + parts[1])];
        }
        string? system = null;
        var turns = new List<(List<string> Questions, string? Answer)>();
        foreach (string line in block)
        {
            string value = line[3..].Trim();
            switch (line[..2])
            {
                case "S:":
                    system = value;
                    break;
                case "A:":
                    turns[^1] = (turns[^1].Questions, value);
                    break;
                case "  ":
                    turns[^1] = (turns[^1].Questions, turns[^1].Answer + "\n" + line[2..].TrimEnd());
                    break;
                default:
                    if (turns.Count == 0 || turns[^1].Answer is not null)
                    {
                        turns.Add(([], null));
                    }
                    turns[^1].Questions.AddRange(line[0] == 'D' ? Definitions.Select(form => form.Replace("{0}", value, StringComparison.Ordinal)) : [value]);
                    break;
            }
        }
        return Conversations(system, turns);
    }

    private static IEnumerable<Question> Conversations(string? system, List<(List<string> Questions, string? Answer)> turns)
    {
        for (int variant = 0; variant < turns.Max(turn => (int?)turn.Questions.Count).GetValueOrDefault(); variant++)
        {
            var messages = new JsonArray();
            if (system is not null)
            {
                messages.Add(Message("system", system));
            }
            foreach ((List<string> questions, string? answer) in turns)
            {
                messages.Add(Message("user", questions[variant % questions.Count]));
                yield return new Question((JsonArray)messages.DeepClone(), null, answer!); // a block whose last question has no answer fails the test
                messages.Add(Message("assistant", answer!));
            }
        }
    }

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };

    private static string RepositoryRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "KServePaged.sln")))
            {
                return at.FullName;
            }
        }
        throw new DirectoryNotFoundException($"no KServePaged.sln above {AppContext.BaseDirectory}");
    }
}
