"""How well a budget of time is kept: a cross-encoder of MiniLM's size (random weights) on mixed passages.

Run: python -m tests.benchmarks.budget [--seconds 0.3]
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from swaprank import Reranker
from tests.models import unpacked

# MiniLM-L6-v2's.
SHAPE: dict[str, Any] = {
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
}
# Any BERT vocabulary will do: random weights do not read.
TOKENIZER = "tiny-bert-cross-encoder"


def built(folder: Path) -> str:
    """A cross-encoder of this shape with random weights, in a folder."""
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(str(unpacked() / TOKENIZER))
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=512, **SHAPE)
    BertForSequenceClassification(config).save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return str(folder)


def passages(count: int) -> list[str]:
    """Texts of 5 to 40 words, the same every time."""
    chance = random.Random(7)
    words = [
        "tea",
        "water",
        "leaf",
        "hot",
        "green",
        "cup",
        "the",
        "of",
        "and",
        "is",
        "made",
        "from",
        "steam",
        "dry",
        "China",
        "morning",
        "drink",
        "taste",
    ]
    return [" ".join(chance.choices(words, k=chance.randint(5, 40))) for _ in range(count)]


def main() -> None:
    """Print what was scored and how long it took, for the first call and for those after it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--passages", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=10)
    given = parser.parse_args()
    texts = passages(given.passages)
    table = Table(
        "call", "seconds", "over the budget", "longest batch", "scored", "batches", title=f"{given.seconds} s"
    )
    with tempfile.TemporaryDirectory() as folder:
        reranker = Reranker(method="cross-encoder", model=built(Path(folder)), budget={"seconds": given.seconds})
        walls = []
        for call in range(given.repeats + 1):
            started = time.perf_counter()
            ranking = reranker.rerank("how is green tea made", texts)
            wall = time.perf_counter() - started
            longest = max(one.seconds for one in ranking.calls[1 if call == 0 else 0 :])
            over = max(wall - given.seconds, 0.0)
            scored = len(texts) - len(ranking.unscored)
            name = "first, with loading" if call == 0 else str(call + 1)
            table.add_row(name, f"{wall:.3f}", f"{over:.3f}", f"{longest:.3f}", str(scored), str(len(ranking.calls)))
            walls += [wall] if call else []
    console = Console()
    console.print(table)
    console.print(f"Warm calls: median {statistics.median(walls):.3f} s, longest {max(walls):.3f} s.")


if __name__ == "__main__":
    main()
