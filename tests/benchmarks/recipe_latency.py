"""Milliseconds per passage on a CPU for the recipes that one would run there; writes what `swaprank recommend` reads.

Run: python -m tests.benchmarks.recipe_latency [--write] [--passages 20] [--repeats 7] [--only RECIPE ...]

The time of an encoder depends on its shape and not on its weights, so that cross-encoders are measured with random weights
of the published shape, under the tokenizer of a test model; recipes whose weights a pip package brings, and those without
any, run as they are. A passage has 120 tokens, about 90 words.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from swaprank import Reranker
from swaprank.evaluation.choosing import cpu_latency
from swaprank.evaluation.machine import this_machine
from tests.benchmarks.encoder_speed import build, timed

TOKENS = 120
# By the shape that the model's config.json on the hub has (layers x hidden size, feed-forward), looked up in November 2026:
# ms-marco-TinyBERT-L2 2 x 128, 512; MiniLM-L6 and -L12 6 and 12 x 384, 1536; bge-reranker-base 12 x 768, 3072;
# bge-reranker-large and -v2-m3 24 x 1024, 4096. ARA-Reranker-V1 is tuned from bge-reranker-v2-m3. XLM-R computes what BERT does.
SHAPE_OF = {
    "ms-marco-tinybert-l2": "tinybert-l2",
    "ms-marco-minilm-l6": "minilm",
    "ms-marco-minilm-l12": "minilm-l12",
    "bge-reranker-base": "base",
    "bge-reranker-large": "large",
    "bge-reranker-v2-m3": "large",
    "ara-reranker-v1": "large",
}
AS_THEY_ARE = ("bm25", "lexical", "embedded", "embedded-minilm", "embedded-all-minilm-l6-v2")


def passages(count: int) -> list[str]:
    """Passages of words that every tokenizer here knows, each a token or two."""
    words = Path(__file__).read_text(encoding="utf-8").split('"""')[1].lower()
    known = [word for word in words.split() if word.isalpha()]
    return [" ".join(known[(place * 7 + step * 11) % len(known)] for step in range(90)) for place in range(count)]


def main() -> None:
    """Measure, print, and write where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", nargs="+", default=[*AS_THEY_ARE, *SHAPE_OF])
    parser.add_argument("--write", action="store_true", help="into the file that swaprank recommend reads")
    given = parser.parse_args()
    texts = passages(given.passages)
    found: dict[str, float] = {}
    by_shape: dict[str, float] = {}
    for name in given.only:
        shape = SHAPE_OF.get(name)
        if shape not in by_shape or shape is None:
            milliseconds = measure(name, shape, texts, given.repeats)
            if shape is not None:
                by_shape[shape] = milliseconds
        found[name] = milliseconds if shape is None else by_shape[shape]
        sys.stdout.write(f"{name:30} {found[name]:9.3f} ms per passage\n")
        sys.stdout.flush()
    if given.write:
        machine = this_machine()
        known: dict[str, Any] = yaml.safe_load(cpu_latency.FILE.read_text("utf-8")) if cpu_latency.FILE.exists() else {}
        told = {
            "machine": f"{machine.processor or machine.system}, {machine.cpus} cores",
            "words": 90,
            "milliseconds_per_passage": known.get("milliseconds_per_passage", {})
            | {name: round(value, 3) for name, value in found.items()},
            "by_shape": sorted(SHAPE_OF),
        }
        head = f"# Written by: python -m {__spec__.name} --write\n"
        cpu_latency.FILE.write_text(head + yaml.safe_dump(told, sort_keys=False), encoding="utf-8")


def measure(name: str, shape: str | None, texts: list[str], repeats: int) -> float:
    """Milliseconds per passage, of the fastest turn: whatever else a machine does only adds to it."""
    with tempfile.TemporaryDirectory() as folder:
        if shape is None:
            reranker = Reranker(name)
        else:
            model = build(Path(folder), shape)
            config = {
                "method": "cross-encoder",
                "model": model,
                "backend": {"device": "cpu"},
                "max_length": TOKENS + 12,
            }
            reranker = Reranker(config)
        with reranker:
            ask = partial(reranker.rerank, "which reranker is fast enough", texts)
            return min(timed({name: ask}, repeats)[name]) / len(texts)


if __name__ == "__main__":
    main()
