"""Writes corpus/patterns.txt: the part of the corpus that follows rules (counting, letters, days, small sums, names, JSON)."""
import random
import string

import corpus

NAMES = """Ada Alan Anna Ben Carla Clara Daniel David Elena Emma Finn Grace Hannah Ivan Jack Jane John Julia Karl Kim Laura Leo Lina Lucas
Maria Max Mia Nina Noah Nora Olga Oscar Paul Peter Rosa Sam Sara Sofia Tim Tom Vera Victor Will Yuki Zoe""".split()
WORDS = """apple banana batch block bridge bread cache cloud coffee column cover door engine flower garden graph house island kernel lamp
letter model moon mountain music orange paper pencil prompt queue river row server silver stream sugar table token tree water window
winter""".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
LENGTHS = dict(zip(MONTHS, (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)))


def listed(numbers):
    return ", ".join(map(str, numbers)) + "."


def entries(rng):
    """(questions, answer, questions, answer, …): one conversation each."""
    yield from counting(rng)
    yield from sums()
    yield from letters()
    yield from calendar()
    yield from blocks()
    yield from copying(rng)


def counting(rng):
    spans = [(a, b) for a in range(1, 31) for b in range(a + 2, min(a + 12, 41))]
    for a, b in rng.sample(spans, 90):
        yield count(a, b)
    for a, b in rng.sample([s for s in spans if s[1] <= 20], 25):
        yield [f"Count down from {b} to {a}."], listed(range(b, a - 1, -1))
    for n in range(3, 21):
        yield [f"Count to {n}.", f"Can you count to {n}?"], listed(range(1, n + 1))
    for n in range(1, 26):
        yield [f"Which number comes after {n}?", f"What comes after {n}?"], f"{n + 1} comes after {n}."
        yield [f"Which number comes before {n}?", f"What comes before {n}?"], f"{n - 1} comes before {n}."
        yield [f"Is {n} even or odd?"], f"{n} is {'odd' if n % 2 else 'even'}."
    for step in (2, 3, 5, 10):
        yield [f"Count in steps of {step}.", f"Count by {step}s."], listed(range(step, 10 * step + 1, step))


def sums():
    for a in range(11):
        for b in range(11):
            yield [f"What is {a} + {b}?", f"What is {a} plus {b}?", f"{a} + {b} = ?"], f"{a} + {b} = {a + b}."
            if b <= a:
                yield [f"What is {a} - {b}?", f"What is {a} minus {b}?"], f"{a} - {b} = {a - b}."
    for a in range(1, 11):
        for b in range(1, 11):
            yield [f"What is {a} times {b}?", f"What is {a} * {b}?"], f"{a} times {b} is {a * b}."


def letters():
    alphabet = string.ascii_uppercase
    yield ["Say the alphabet.", "What is the alphabet?", "List the letters of the alphabet."], listed(alphabet)
    yield ["Say the alphabet backwards.", "What is the alphabet backwards?"], listed(reversed(alphabet))
    for i, letter in enumerate(alphabet):
        yield [f"Which letter is number {i + 1} of the alphabet?"], f"Letter number {i + 1} is {letter}."
        if i < 25:
            yield [f"Which letter comes after {letter}?", f"What letter comes after {letter}?"], f"{alphabet[i + 1]} comes after {letter}."
        if i > 0:
            yield [f"Which letter comes before {letter}?", f"What letter comes before {letter}?"], f"{alphabet[i - 1]} comes before {letter}."
    for word in WORDS:
        yield [f"Spell the word {word}.", f"How do you spell {word}?"], "-".join(word.upper()) + "."


def calendar():
    for kind, names in (("day", DAYS), ("month", MONTHS)):
        for i, name in enumerate(names):
            after, before = names[(i + 1) % len(names)], names[i - 1]
            yield [f"Which {kind} comes after {name}?", f"What {kind} comes after {name}?"], f"{after} comes after {name}."
            yield [f"Which {kind} comes before {name}?", f"What {kind} comes before {name}?"], f"{before} comes before {name}."
    yield ["What are the days of the week?", "List the days of the week.", "Name the days of the week."], listed(DAYS)
    yield ["What are the months of the year?", "List the months of the year.", "Name the twelve months."], listed(MONTHS)
    for month, days in LENGTHS.items():
        leap = ", or 29 in a leap year" if days == 28 else ""
        yield [f"How many days does {month} have?", f"How long is {month}?"], f"{month} has {days} days{leap}."


def blocks():
    for tokens in (1, 5, 10, 15, 16, 17, 20, 30, 31, 32, 33, 40, 48, 50, 60, 64, 65, 80, 96, 100, 128, 200, 256):
        need = (tokens + 15) // 16
        noun = "token needs" if tokens == 1 else "tokens need"
        yield ([f"How many blocks of 16 tokens do {tokens} tokens need?" if tokens > 1 else "How many blocks of 16 tokens does 1 token need?"],
               f"{tokens} {noun} {need} {'block' if need == 1 else 'blocks'} of 16 tokens.")


def copying(rng):
    for word in WORDS:
        yield repeat(word)
        yield [f"Write the word {word} in capital letters.", f"Write {word} in upper case."], word.upper()
        yield [f"Give me a JSON list with the word {word} three times."], f'["{word}", "{word}", "{word}"]'
    for name in NAMES:
        yield greeting(name)
        yield acquaintance(name)
        yield person(name, rng.randint(18, 80))
    for _ in range(30):
        yield larger(*rng.sample(range(1, 100), 2))


def count(a, b):
    return [f"Count from {a} to {b}.", f"Please count from {a} to {b}."], listed(range(a, b + 1))


def repeat(word):
    return [f"Repeat the word {word}.", f"Say the word {word}."], word


def greeting(name):
    return [f"Say hello to {name}.", f"Greet {name}."], f"Hello, {name}!"


def acquaintance(name):
    return ([f"My name is {name}.", f"I am {name}.", f"Hello, my name is {name}."], f"Nice to meet you, {name}! How can I help you?",
            ["What is my name?", "Do you remember my name?"], f"Your name is {name}.")


def person(name, age):
    return ([f"Give me a JSON object with the name {name} and the age {age}.", f"Write a JSON object: name {name}, age {age}."],
            f'{{"name": "{name}", "age": {age}}}')


def larger(first, second):
    return [f"Which is larger, {first} or {second}?"], f"{max(first, second)} is larger than {min(first, second)}."


def fresh(rng):
    """One more of those that can be learned as a rule, with a name or numbers that the corpus may not have."""
    name = "".join(rng.choice("bdfghjklmnprstvw") + rng.choice("aeiou") for _ in range(rng.randint(1, 3))) + rng.choice(["", "n", "r", "s", "nd"])
    start = rng.randint(1, 90)
    return rng.choice((
        lambda: count(start, start + rng.randint(2, 9)), lambda: repeat(name), lambda: greeting(name.capitalize()),
        lambda: acquaintance(name.capitalize()), lambda: person(name.capitalize(), rng.randint(1, 99)),
        lambda: larger(*rng.sample(range(1, 100), 2))))()


def main():
    lines = ["# Written by patterns.py; change that file, not this one."]
    for pairs in entries(random.Random(7)):
        for questions, answer in zip(pairs[::2], pairs[1::2]):
            lines += [f"Q: {q}" for q in questions] + [f"A: {answer}"]
        lines.append("")
    (corpus.FOLDER / "patterns.txt").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
