"""Trains the demo model from the corpus and writes models/demo. See README.md for the command that made the committed files."""
import argparse
import json
import math
import os
import random
import time
from pathlib import Path

# Read when torch loads OpenBLAS: one thread and one set of kernels have one order of sums, so that a seed gives one result.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")

import torch
from torch.nn import functional as F

import bpe
import corpus
import patterns
import safetensors
from model import CONFIG, Llama
from template import CHAT_TEMPLATE

ROOT = Path(__file__).resolve().parents[2]
QUESTION_WEIGHT = 0.05  # of the loss, beside 1 for answers: enough to know what a question looks like
IGNORED = -100
FILLERS = set("a an the is are do does can could please me i you it this that of for to in on with and what how which my your".split())


class Sampler:
    """Draws training documents: lists of (ids, is_answer) pieces that begin with <|bos|>."""

    def __init__(self, entries, tokenizer, rng):
        # Once for every four phrasings, so that a question asked in twenty ways is not learned in only a few of them.
        self._conversations = [e for e in entries if e.turns for _ in range((len(e.variants()) + 3) // 4)]
        self._texts = [e for e in entries if e.text]
        self._tokenizer, self._rng = tokenizer, rng
        self._deck = []

    def document(self):
        kind = self._rng.random()
        if kind < 0.08 and self._texts:
            prompt, rest = self._rng.choice(self._texts).text
            return self._join([("<|bos|>" + prompt, False), (rest + "<|end|>", True)])
        if kind < 0.24:  # without the template: the question, then the answer as its continuation
            question, answer = self._turns(self._next())[0]
            return self._join([("<|bos|>" + question, False), (" " + answer + "<|end|>", True)])
        count = 1 if kind < 0.76 else self._rng.randint(2, 5)
        chosen = [self._next() for _ in range(count)]
        pieces = [("<|bos|>", False)]
        if chosen[0].system:
            pieces.append((f"<|system|>{chosen[0].system}<|end|>", False))
        for entry in chosen:
            for question, answer in self._turns(entry):
                pieces += [(f"<|user|>{question}<|end|><|assistant|>", False), (answer + "<|end|>", True)]
        return self._join(pieces)

    def _next(self):
        """The whole deck before it is shuffled again, and between its entries fresh ones of the patterns."""
        if self._rng.random() < 0.1:
            pairs = patterns.fresh(self._rng)
            return corpus.Entry(turns=list(zip(pairs[::2], pairs[1::2])))
        if not self._deck:
            self._deck = self._conversations[:]
            self._rng.shuffle(self._deck)
        return self._deck.pop()

    def _turns(self, entry):
        turns = [(self._rng.choice(questions), answer) for questions, answer in entry.turns]
        return [(self._careless(question), answer) for question, answer in turns]

    def _careless(self, question):
        """Now and then a question as people type it: a small word less or more, no capitals, no full stop."""
        happens = lambda share: self._rng.random() < share
        words = question.split(" ")
        fillers = [i for i, word in enumerate(words) if word.lower() in FILLERS]
        if len(words) > 3 and fillers and happens(0.12):
            del words[self._rng.choice(fillers)]
            question = " ".join(words)
        if happens(0.15):
            for written, typed in (("What is ", "What's "), (" + ", "+"), (" do not ", " don't ")):
                question = question.replace(written, typed)
        if happens(0.2) and question[-1] in ".?!":
            question = question[:-1]
        if happens(0.08):
            question = self._rng.choice(("Please ", "Hi, ", "Hi! ", "Hello, ", "Hello! ", "OK, ", "So ", "Can you tell me: ")) + question
        elif happens(0.06):
            question += self._rng.choice((" Thanks!", " Please.", " please", " :)"))
        if happens(0.15):
            question = question[0].lower() + question[1:]
        elif happens(0.1):
            question = question.lower()
        return question

    def _join(self, pieces):
        ids, answers = [], []
        for text, is_answer in pieces:
            new = self._tokenizer.encode(text)
            ids += new
            answers += [is_answer] * len(new)
        return ids, answers


class Packer:
    """Fills rows of fixed length with whole documents; attention does not cross from one to the next."""

    def __init__(self, sampler):
        self._sampler, self._next = sampler, None

    def batch(self, rows, length):
        ids = torch.zeros(rows, length, dtype=torch.long)
        targets = torch.full((rows, length), IGNORED)
        weights = torch.zeros(rows, length)
        positions = torch.zeros(rows, length, dtype=torch.long)
        documents = torch.zeros(rows, length, dtype=torch.long)
        for row in range(rows):
            at, document = 0, 0
            while True:
                new, answers = self._next or self._sampler.document()
                self._next = None
                new, answers = new[:length], answers[:length]
                if at + len(new) > length:
                    self._next = (new, answers)
                    break
                end, document = at + len(new), document + 1
                ids[row, at:end] = torch.tensor(new)
                targets[row, at:end - 1] = ids[row, at + 1:end]
                weights[row, at:end - 1] = torch.tensor([1.0 if a else QUESTION_WEIGHT for a in answers[1:]])
                positions[row, at:end] = torch.arange(len(new))
                documents[row, at:end] = document
                at = end
        visible = (documents[:, :, None] == documents[:, None, :]).tril()
        return ids, targets, weights, positions, torch.zeros(rows, length, length).masked_fill(~visible, -1e9)


def train(options, tokenizer, entries):
    torch.manual_seed(options.seed)
    model = Llama()
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
                                  lr=options.rate, betas=(0.9, 0.98), foreach=True)
    packer = Packer(Sampler(entries, tokenizer, random.Random(options.seed)))
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(entries)} entries", flush=True)
    started, shown = time.time(), 0.0
    for step in range(options.steps):
        warm, progress = min(1.0, (step + 1) / 100), step / options.steps
        rate = options.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        rows, length = (options.tokens // 512, 512) if step % 6 == 5 else (options.tokens // 256, 256)
        ids, targets, weights, positions, mask = packer.batch(rows, length)
        logits = model(ids, positions, mask)
        losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="none")
        weights = weights.flatten()
        loss = (losses * weights).sum() / weights.sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        answers = weights == 1.0
        shown += losses.detach()[answers].mean().item()
        if step % 50 == 49:
            print(f"step {step + 1}/{options.steps}: answer loss {shown / 50:.4f}, {time.time() - started:.0f} s", flush=True)
            shown = 0.0
    return model


def write_model(folder, model, vocabulary, merges):
    folder.mkdir(parents=True, exist_ok=True)
    save = lambda name, value: (folder / name).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    bos, end = vocabulary["<|bos|>"], vocabulary["<|end|>"]
    save("config.json", {**CONFIG, "bos_token_id": bos, "eos_token_id": end})
    save("generation_config.json", {"bos_token_id": bos, "eos_token_id": end, "do_sample": False, "temperature": 0.0})
    save("tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|bos|>", "eos_token": "<|end|>",
        "clean_up_tokenization_spaces": False, "model_max_length": CONFIG["max_position_embeddings"], "chat_template": CHAT_TEMPLATE})
    (folder / "tokenizer.json").write_text(json.dumps(bpe.to_json(vocabulary, merges), ensure_ascii=False) + "\n", encoding="utf-8")
    safetensors.write(folder / "model.safetensors", {n: p.detach().numpy() for n, p in model.named_parameters()})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "models" / "demo")
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--steps", type=int, default=2800)
    parser.add_argument("--tokens", type=int, default=2048, help="per step")
    parser.add_argument("--rate", type=float, default=2e-3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    entries = corpus.read()
    texts = [t for e in entries for t in ([e.text[0] + e.text[1]] if e.text else [x for qs, a in e.turns for x in [*qs, a]])]
    vocabulary, merges = bpe.train(texts, CONFIG["vocab_size"])
    model = train(options, bpe.Tokenizer(vocabulary, merges), entries)
    write_model(options.out, model, vocabulary, merges)


if __name__ == "__main__":
    main()
