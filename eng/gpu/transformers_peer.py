"""Hugging Face transformers' continuous batching with random weights of Llama-3-8B's sizes, on this GPU: one line of JSON a load.

    transformers_peer.py SECONDS [IN/OUT ...]        64 streams each, greedy, ends ignored
"""

import json
import sys
import time

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

STREAMS = 64
ATTENTION = ("paged|sdpa", "sdpa_paged", "sdpa")  # as the releases call it, the newest first


def build():
    config = LlamaConfig(
        hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8, vocab_size=128256,
        max_position_embeddings=22528, rope_theta=500000.0, bos_token_id=1, eos_token_id=2, pad_token_id=0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = LlamaForCausalLM(config).eval()
    torch.set_default_dtype(torch.float32)
    return model


def generate(model, prompts, count):
    options = GenerationConfig(max_new_tokens=count, do_sample=False, eos_token_id=-1, pad_token_id=0)
    start = time.perf_counter()
    answers = model.generate_batch(inputs=prompts, generation_config=options, progress_bar=False)
    seconds = time.perf_counter() - start
    tokens = sum(len(answer.generated_tokens) for answer in answers.values())
    if tokens != len(prompts) * count:
        raise RuntimeError(f"{tokens} tokens instead of {len(prompts) * count}")
    return seconds


def choose_attention(model):
    refusals = []
    for name in ATTENTION:
        try:
            model.set_attn_implementation(name)
            generate(model, [[5, 6, 7]], 4)
            return name
        except Exception as refusal:  # what a release does not know it says in its own ways
            refusals.append(f"{name}: {refusal}")
    raise SystemExit("no attention that this release takes: " + "; ".join(refusals))


def main():
    end = time.perf_counter() + float(sys.argv[1])
    loads = [tuple(map(int, load.split("/"))) for load in sys.argv[2:]] or [(128, 128), (1000, 1000)]
    model = build()
    attention = choose_attention(model)
    generator = torch.Generator().manual_seed(1)
    for prompt, output in loads:
        names = {"model": f"transformers, {attention}", "in": prompt, "out": output, "streams": STREAMS}
        if time.perf_counter() > end:
            print(json.dumps(names | {"skipped": "no time was left"}), flush=True)
            continue
        prompts = torch.randint(3, 128256, (STREAMS, prompt), generator=generator).tolist()
        seconds = generate(model, prompts, output)
        print(json.dumps(names | {"seconds": round(seconds, 3), "output_tokens_per_s": round(STREAMS * output / seconds, 1)}), flush=True)


if __name__ == "__main__":
    with torch.no_grad():
        main()
