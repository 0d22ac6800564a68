"""What the vendor's library reaches on this GPU: a copy and the largest bf16 product, in the lines of device_bench. Needs torch with CUDA."""

import json
import statistics
import time

import torch


def measure(call):
    """Seconds of one call: the median of batches."""
    for _ in range(3):
        call()
    torch.cuda.synchronize()
    batches = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(10):
            call()
        torch.cuda.synchronize()
        batches.append((time.perf_counter() - start) / 10)
    return statistics.median(batches)


def report(what, shape, seconds, moved, operations):
    figure = {"what": what, "shape": shape, "us": round(seconds * 1e6, 2)}
    figure |= {"gb_per_s": round(moved / seconds * 1e-9, 1), "tflops": round(operations / seconds * 1e-12, 2)}
    print(json.dumps(figure), flush=True)


source = torch.randn(1 << 30, device="cuda", dtype=torch.bfloat16)
target = torch.empty_like(source)
report("copy, torch", str(2 << 30), measure(lambda: target.copy_(source)), 4 << 30, 0)

side = 8192
left, right = (torch.randn(side, side, device="cuda", dtype=torch.bfloat16) for _ in range(2))
product = torch.empty_like(left)
report("largest product bf16, torch", f"{side} x {side}, rows {side}", measure(lambda: torch.matmul(left, right, out=product)), 0, 2 * side**3)
