"""Byte-level BPE: trainer, encoder, decoder, and Hugging Face's tokenizer.json for the result."""
import json
import unicodedata
from collections import Counter

SPECIAL = ("<|bos|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
CONTRACTIONS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")


def _printable_bytes():
    """The published mapping of bytes to visible characters: printable Latin-1 stays, the rest moves to U+0100 and on."""
    keep = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = (b for b in range(256) if b not in set(keep))
    return {**{b: chr(b) for b in keep}, **{b: chr(0x100 + i) for i, b in enumerate(moved)}}


BYTE_TO_CHAR = _printable_bytes()
CHAR_TO_BYTE = {c: b for b, c in BYTE_TO_CHAR.items()}


def _kind(character):
    category = unicodedata.category(character)
    if character.isspace():
        return "space"
    return {"L": "letter", "N": "number"}.get(category[0], "other")


def split(text):
    """Words as GPT-2's pattern cuts them: contractions, then optional space + letters, numbers or others, then runs of space."""
    words, at = [], 0
    while at < len(text):
        end = next((at + len(c) for c in CONTRACTIONS if text.startswith(c, at)), 0)
        if not end:
            start = at + 1 if text[at] == " " and at + 1 < len(text) else at
            kind = _kind(text[start])
            if kind == "space":
                start, kind = at, "space"
            end = start + 1
            while end < len(text) and _kind(text[end]) == kind:
                end += 1
            if kind == "space" and end < len(text) and end - at > 1:
                end -= 1  # the last space belongs to the next word
        words.append(text[at:end])
        at = end
    return words


def to_chars(word):
    return "".join(BYTE_TO_CHAR[b] for b in word.encode("utf-8"))


def train(texts, vocabulary_size):
    """Vocabulary and merges, most frequent pair first, ties by the pair's spelling: the same texts give the same tokenizer."""
    counts = Counter(to_chars(word) for text in texts for word in split(text))
    words = [[list(word), count] for word, count in sorted(counts.items())]
    vocabulary = list(SPECIAL) + [BYTE_TO_CHAR[b] for b in range(256)]
    merges = []
    while len(vocabulary) < vocabulary_size:
        pairs = Counter()
        for parts, count in words:
            for pair in zip(parts, parts[1:]):
                pairs[pair] += count
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        assert pairs[best] > 1, f"the corpus gives only {len(vocabulary)} tokens"
        merges.append(best)
        vocabulary.append(best[0] + best[1])
        for entry in words:
            entry[0] = _merge(entry[0], best)
    return {token: i for i, token in enumerate(vocabulary)}, merges


def _merge(parts, pair):
    if pair[0] not in parts:
        return parts
    out, i = [], 0
    while i < len(parts):
        if parts[i] == pair[0] and i + 1 < len(parts) and parts[i + 1] == pair[1]:
            out.append(pair[0] + pair[1])
            i += 2
        else:
            out.append(parts[i])
            i += 1
    return out


class Tokenizer:
    """Encodes and decodes with a vocabulary and merges, from the trainer or from a tokenizer.json."""

    def __init__(self, vocabulary, merges):
        self.vocabulary = vocabulary
        self.tokens = {i: t for t, i in vocabulary.items()}
        self._ranks = {tuple(m): rank for rank, m in enumerate(merges)}
        self._words = {}

    @staticmethod
    def load(path):
        model = json.loads(path.read_text(encoding="utf-8"))["model"]
        return Tokenizer(model["vocab"], [m.split(" ") for m in model["merges"]])

    def encode(self, text):
        """Ids of a text in which special tokens are recognized wherever they are spelled out."""
        found = [(text.find(s), s) for s in SPECIAL if s in text]
        if found:
            at, special = min(found)
            return self.encode(text[:at]) + [self.vocabulary[special]] + self.encode(text[at + len(special):])
        return [i for word in split(text) for i in self._word(word)]

    def _word(self, word):
        if word not in self._words:
            parts = list(to_chars(word))
            while len(parts) > 1:
                best = min(zip(parts, parts[1:]), key=lambda pair: self._ranks.get(pair, 1 << 30))
                if best not in self._ranks:
                    break
                parts = _merge(parts, best)
            self._words[word] = [self.vocabulary[p] for p in parts]
        return self._words[word]

    def decode(self, ids):
        """The text without special tokens."""
        chars = "".join(t for t in (self.tokens[i] for i in ids) if t not in SPECIAL)
        return bytes(CHAR_TO_BYTE[c] for c in chars).decode("utf-8", "replace")


def to_json(vocabulary, merges):
    """tokenizer.json in Hugging Face's format; a plain text gets <|bos|> in front."""
    added = [{"id": vocabulary[s], "content": s, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for s in SPECIAL]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    bos, text = {"SpecialToken": {"id": "<|bos|>", "type_id": 0}}, lambda name, t: {"Sequence": {"id": name, "type_id": t}}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": {"type": "TemplateProcessing", "single": [bos, text("A", 0)], "pair": [bos, text("A", 0), text("B", 1)],
                           "special_tokens": {"<|bos|>": {"id": "<|bos|>", "ids": [vocabulary["<|bos|>"]], "tokens": ["<|bos|>"]}}},
        "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": vocabulary,
                  "merges": [" ".join(m) for m in merges]},
    }
