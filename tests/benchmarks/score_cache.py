"""A cache hit beside the model: 100 passages scored by random weights of MiniLM size, then answered from each cache.

`make bench NAME=score_cache` (half a minute). Measured are whole calls of `Reranker.rerank`, the median of several; the
model's as `dtype: auto` and as float32.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from swaprank import Reranker

PASSAGES, REPETITIONS, HITS = 100, 3, 30
WORDS = [
    "the",
    "harbour",
    "project",
    "costs",
    "more",
    "than",
    "a",
    "new",
    "school",
    "or",
    "green",
    "tea",
    "from",
    "these",
    "islands",
    "in",
    "winter",
]


def minilm(folder: Path) -> str:
    """A cross-encoder of the size of ms-marco-MiniLM-L6 with random weights."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    wrapped: Any = PreTrainedTokenizerFast
    of_bert: Any = BertConfig

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {word: place for place, word in enumerate([*special, *dict.fromkeys(WORDS)])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = wrapped(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=512,
    )
    fast.save_pretrained(folder)
    config = of_bert(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, num_labels=1)
    BertForSequenceClassification(config).save_pretrained(folder)
    return str(folder)


def passages() -> list[str]:
    """Texts of 16 to 480 words, 25,000 words in all."""
    return [
        " ".join(WORDS[(place + word) % len(WORDS)] for word in range(16 + 464 * place // 99)) for place in range(100)
    ]


def median(work: Callable[[], Any], times: int) -> float:
    """Milliseconds."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def main() -> None:
    """Print a table."""
    texts = passages()
    with tempfile.TemporaryDirectory() as scratch:
        model = minilm(Path(scratch) / "model")
        base = {"method": "cross-encoder", "model": model}
        scored: dict[str, float] = {}
        for dtype in ("float32", "auto"):
            plain = Reranker({**base, "backend": {"device": "cpu", "dtype": dtype}})
            plain.rerank("warm up", texts[:4])
            scored[dtype] = median(partial(plain.rerank, "harbour costs", texts), REPETITIONS)
            print(f"model, {dtype:<8} {scored[dtype]:8.1f} ms")
        for cache in ({"type": "memory"}, {"type": "disk", "path": f"{scratch}/cache"}):
            kept = Reranker({**base, "backend": {"device": "cpu"}, "cache": cache})
            first = median(partial(kept.rerank, "harbour costs", texts), 1)
            hit = median(partial(kept.rerank, "harbour costs", texts), HITS)
            [call] = kept.rerank("harbour costs", texts).calls
            if call.cached != PASSAGES:
                raise AssertionError(f"only {call.cached} of {PASSAGES} came out of the cache")
            print(
                f"{cache['type']:<15} {hit:8.1f} ms  {scored['auto'] / hit:5.0f} x auto, "
                f"{scored['float32'] / hit:5.0f} x float32; the first call {first:.0f} ms"
            )


if __name__ == "__main__":
    main()
