"""Reads the corpus: plain text, one block an entry, blocks parted by empty lines.

    # a remark
    S: a system message            (optional, first line of a block)
    D: paged attention             asks for a definition: stands for the four questions of DEFINITIONS
    Q: What is a block table?      several Q/D lines in a row are phrasings of one question
    A: The answer.
      A line that begins with two spaces continues the answer on a new line.
    Q: A question after an answer is the next turn of the same conversation.
    A: Its answer.

    T: A plain text whose part up to the bar | is a prompt for the rest.
"""
from pathlib import Path

DEFINITIONS = ("What is {}?", "Explain {}.", "Tell me about {}.", "What does {} mean?")
FOLDER = Path(__file__).parent / "corpus"
HELD_OUT = Path(__file__).parent / "held_out.txt"


class Entry:
    """A conversation with all phrasings of its questions, or (turns empty) a plain text."""

    def __init__(self, turns=()):
        self.system = None
        self.turns = list(turns)  # [(questions, answer)]
        self.text = None  # (prompt, rest)

    def variants(self):
        """The conversation once per phrasing: lists of (question, answer)."""
        count = max(len(questions) for questions, _ in self.turns)
        return [[(questions[i % len(questions)], answer) for questions, answer in self.turns] for i in range(count)]


def read(paths=None):
    entries = []
    for path in paths or sorted(FOLDER.glob("*.txt")):
        block = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() + [""], 1):
            if line.startswith("#"):
                continue
            if line.strip():
                block.append((f"{path.name}:{number}", line))
            elif block:
                entries.append(_entry(block))
                block = []
    return entries


def _entry(block):
    entry = Entry()
    for where, line in block:
        kind, value = line[:3], line[3:].strip()
        last = entry.turns[-1] if entry.turns else None
        if line.startswith("  "):
            assert last and last[1] is not None, f"{where}: nothing to continue"
            last[1] += "\n" + line[2:].rstrip()
        elif kind == "S: ":
            assert not entry.turns, f"{where}: the system message comes first"
            entry.system = value
        elif kind in ("Q: ", "D: "):
            if last is None or last[1] is not None:
                last = [[], None]
                entry.turns.append(last)
            last[0].extend(form.format(value) for form in DEFINITIONS) if kind == "D: " else last[0].append(value)
        elif kind == "A: ":
            assert last and last[1] is None, f"{where}: an answer without a question"
            last[1] = value
        elif kind == "T: ":
            prompt, bar, rest = value.partition(" | ")
            assert bar and not entry.turns and len(block) == 1, f"{where}: a text is one line with one bar"
            entry.text = (prompt, " " + rest)
        else:
            raise ValueError(f"{where}: cannot read '{line}'")
    assert entry.text or entry.turns and all(answer is not None for _, answer in entry.turns), f"{block[0][0]}: unanswered"
    return entry


def cases(entries):
    """Every question of the corpus once: (messages or prompt text, expected answer). Later turns see the written answers before them."""
    seen = set()
    for entry in entries:
        if entry.text:
            yield entry.text
            continue
        for conversation in entry.variants():
            messages = [{"role": "system", "content": entry.system}] if entry.system else []
            for question, answer in conversation:
                messages = messages + [{"role": "user", "content": question}]
                key = tuple((m["role"], m["content"]) for m in messages)
                if key not in seen:
                    seen.add(key)
                    yield messages, answer
                messages = messages + [{"role": "assistant", "content": answer}]
