"""Asks a written model every question of the corpus, with nothing but its exported files: template, tokenizer.json, bf16 weights.

A second forward, in NumPy and independent of the one that trained it. Prints the share of answers that come back word for word
and what was missed, then the perplexity on held_out.txt.
"""
import argparse
import json
import math
import sys
from pathlib import Path

import jinja2
import numpy as np

import bpe
import corpus
import safetensors


def refuse(message):
    raise ValueError(message)


def bf16(x):
    return (safetensors.bf16_bits(x).astype(np.uint32) << 16).view(np.float32)


class Model:
    """Greedy decoding of many prompts at once, with a KV cache."""

    def __init__(self, folder, rounded):
        self.config = json.loads((folder / "config.json").read_text())
        self.weights = safetensors.read(folder / "model.safetensors")
        # With rounded, what feeds a product or the cache is bf16, as in an engine that computes in bf16.
        self.round = bf16 if rounded else lambda x: x
        c = self.config
        half = c["head_dim"] // 2
        angles = np.outer(np.arange(c["max_position_embeddings"]), c["rope_theta"] ** (-np.arange(half) / half))
        self.cos, self.sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)

    def forward(self, ids, cache, start):
        """ids [rows, new]; positions start … ; cache holds per layer keys and values [rows, kv heads, capacity, size]."""
        c, w = self.config, self.weights
        heads, kv_heads, size = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
        rows, new = ids.shape
        end = start + new
        x = w["model.embed_tokens.weight"][ids]
        future = np.arange(end)[None, :] > np.arange(start, end)[:, None]
        for layer in range(c["num_hidden_layers"]):
            name = f"model.layers.{layer}."
            product = lambda y, part: self.round(y) @ w[name + part + ".weight"].T
            split = lambda y, n: y.reshape(rows, new, n, size).transpose(0, 2, 1, 3)
            y = self._norm(x, name + "input_layernorm")
            q = self._rotate(split(product(y, "self_attn.q_proj"), heads), start)
            keys, values = cache[layer]
            keys[:, :, start:end] = self.round(self._rotate(split(product(y, "self_attn.k_proj"), kv_heads), start))
            values[:, :, start:end] = self.round(split(product(y, "self_attn.v_proj"), kv_heads))
            q = q.reshape(rows, kv_heads, heads // kv_heads, new, size)
            scores = q @ keys[:, :, None, :end].swapaxes(-1, -2) / math.sqrt(size)
            scores = np.where(future, -np.inf, scores)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            y = (scores / scores.sum(-1, keepdims=True)) @ values[:, :, None, :end]
            x = x + product(y.reshape(rows, heads, new, size).transpose(0, 2, 1, 3).reshape(rows, new, -1), "self_attn.o_proj")
            y = self._norm(x, name + "post_attention_layernorm")
            gate = product(y, "mlp.gate_proj")
            x = x + product(gate / (1 + np.exp(-gate)) * product(y, "mlp.up_proj"), "mlp.down_proj")
        return self.round(self._norm(x, "model.norm")) @ w["model.embed_tokens.weight"].T

    def _norm(self, x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.config["rms_norm_eps"]) * self.weights[name + ".weight"]

    def _rotate(self, x, start):
        cos, sin = self.cos[start:start + x.shape[2]], self.sin[start:start + x.shape[2]]
        a, b = np.split(x, 2, axis=-1)
        return np.concatenate((a * cos - b * sin, b * cos + a * sin), -1)

    def cache(self, rows, capacity):
        c = self.config
        shape = (rows, c["num_key_value_heads"], capacity, c["head_dim"])
        return [(np.zeros(shape, np.float32), np.zeros(shape, np.float32)) for _ in range(c["num_hidden_layers"])]

    def generate(self, prompts, longest):
        """Prompts of one length [rows, length] → lists of new ids without the end token, at most longest + 1 each."""
        end = self.config["eos_token_id"]
        cache = self.cache(len(prompts), len(prompts[0]) + longest + 1)
        logits = self.forward(np.array(prompts), cache, 0)[:, -1]
        out, done = [[] for _ in prompts], [False] * len(prompts)
        for step in range(longest + 1):
            best = logits.argmax(-1)
            for row, token in enumerate(best):
                done[row] = done[row] or token == end
                if not done[row]:
                    out[row].append(int(token))
            if all(done) or step == longest:
                return out
            logits = self.forward(best[:, None], cache, len(prompts[0]) + step)[:, -1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).resolve().parents[2] / "models" / "demo")
    parser.add_argument("--bf16-activations", action="store_true", help="round what feeds products and the cache to bf16")
    parser.add_argument("--misses", type=int, default=40, help="how many to print")
    options = parser.parse_args()
    tokenizer = bpe.Tokenizer.load(options.folder / "tokenizer.json")
    settings = json.loads((options.folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(settings["chat_template"])
    model = Model(options.folder, options.bf16_activations)

    def prompt_ids(prompt):
        if isinstance(prompt, str):
            return tokenizer.encode("<|bos|>" + prompt)
        return tokenizer.encode(template.render(messages=prompt, bos_token=settings["bos_token"], add_generation_prompt=True,
                                                raise_exception=refuse))

    cases = [(prompt, answer, prompt_ids(prompt), tokenizer.encode(answer)) for prompt, answer in corpus.cases(corpus.read())]
    same_length = {}
    for case in cases:
        same_length.setdefault(len(case[2]), []).append(case)
    right, misses = 0, []
    for group in same_length.values():
        group.sort(key=lambda case: len(case[3]))
        for at in range(0, len(group), 64):
            part = group[at:at + 64]
            outputs = model.generate([case[2] for case in part], max(len(case[3]) for case in part))
            for (prompt, answer, _, _), ids in zip(part, outputs):
                got = tokenizer.decode(ids)
                right += got == answer
                if got != answer:
                    misses.append((prompt, answer, got))
    for prompt, answer, got in misses[:options.misses]:
        print(f"? {prompt if isinstance(prompt, str) else ' / '.join(m['content'] for m in prompt)}\n  = {answer}\n  ≠ {got}")
    print(f"{right} of {len(cases)} questions word for word: {100 * right / len(cases):.2f} %")

    total, count = 0.0, 0
    for prompt, answer in corpus.cases(corpus.read([corpus.HELD_OUT])):
        ids = prompt_ids(prompt)
        wanted = tokenizer.encode(answer + "<|end|>")
        logits = model.forward(np.array([ids + wanted[:-1]]), model.cache(1, len(ids) + len(wanted)), 0)[0, len(ids) - 1:].astype(np.float64)
        logits -= logits.max(-1, keepdims=True)
        chosen = logits[np.arange(len(wanted)), wanted] - np.log(np.exp(logits).sum(-1))
        total, count = total - chosen.sum(), count + len(wanted)
    print(f"held-out answers: perplexity {math.exp(total / count):.2f} over {count} tokens")
    return 0 if right >= 0.99 * len(cases) else 1


if __name__ == "__main__":
    sys.exit(main())
