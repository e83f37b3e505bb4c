"""Cross-encoders beside sentence-transformers, on the same random weights and texts: milliseconds, medians of turns.

Run: python -m tests.benchmarks.encoder_speed [--shape minilm] [--work mixed-100 mixed-10 long-20] [--repeats 5]
     [--ways auto float32 st st-bfloat16] [--budgets 1024 2048 4096]

``--budgets`` measures our forward passes of so many tokens each: what `fast_encoders.packing.batch_tokens` was chosen by.
``--profile`` says where one call spends its time. ``peak`` is the speed of one large product of matrices in that format.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tests.conftest import MODELS

# hidden size, layers, heads, feed-forward
SHAPES = {
    "tinybert-l2": (128, 2, 2, 512),
    "minilm": (384, 6, 12, 1536),
    "minilm-l12": (384, 12, 12, 1536),
    "base": (768, 12, 12, 3072),
    "large": (1024, 24, 16, 4096),
    "tiny": (64, 2, 4, 128),
    # ModernBERT with pooling and a head of modules, as the rerankers of these names.
    "ettin-17m": (256, 7, 4, 384),
    "ettin-32m": (384, 10, 6, 576),
    "ettin-150m": (768, 22, 12, 1152),
}
WORK = {"mixed-100": (100, None), "mixed-10": (10, None), "short-100": (100, 30), "long-20": (20, 300)}


def build(folder: Path, shape: str) -> str:
    """A cross-encoder of that shape with random weights: BERT, or the chain of modules of the Ettin rerankers."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    if shape.startswith("ettin"):
        return _build_chain(folder, shape)
    hidden, layers, heads, inner = SHAPES[shape]
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "tiny-bert-cross-encoder")
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"num_labels": 1}
    config = BertConfig(
        vocab_size=30522,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        **sizes,
    )
    network = BertForSequenceClassification(config)
    # As they are drawn, all texts would have nearly the same score.
    for name, weight in network.named_parameters():
        if weight.dim() > 1 and "embeddings" not in name:
            torch.nn.init.normal_(weight, std=1.5 * weight.shape[1] ** -0.5)
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def _build_chain(folder: Path, shape: str) -> str:
    import torch
    from sentence_transformers import CrossEncoder
    from sentence_transformers.sentence_transformer import modules
    from transformers import AutoTokenizer, ModernBertConfig, ModernBertModel

    hidden, layers, heads, inner = SHAPES[shape]
    torch.manual_seed(0)
    config = ModernBertConfig(
        vocab_size=50368,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        pad_token_id=0,
        cls_token_id=2,
        sep_token_id=3,
    )
    network = ModernBertModel(config)
    for weight in network.layers.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=1.5 * weight.shape[1] ** -0.5)
    network.save_pretrained(folder / "network")
    AutoTokenizer.from_pretrained(MODELS / "tiny-bert-cross-encoder").save_pretrained(folder / "network")
    head = [
        modules.Dense(hidden, hidden, bias=False, activation_function=torch.nn.GELU()),
        modules.LayerNorm(hidden),
        modules.Dense(hidden, 1, activation_function=torch.nn.Identity(), module_output_name="scores"),
    ]
    first = modules.Transformer(str(folder / "network"), max_seq_length=512)
    chain = CrossEncoder(modules=[first, modules.Pooling(hidden, "cls"), *head], device="cpu")
    chain.save_pretrained(str(folder / "chain"))
    return str(folder / "chain")


def texts(work: str, tokenizer: Any) -> tuple[str, list[str]]:
    """A query, and passages of random words, each of which is one token; ``mixed`` is 250 tokens in the mean."""
    count, length = WORK[work]
    draw = random.Random(0)
    words = [word for word in tokenizer.get_vocab() if word.isalpha() and len(word) > 1]
    lengths = [length or min(480, max(20, int(draw.lognormvariate(5.35, 0.6)))) for _ in range(count)]
    return " ".join(draw.choices(words, k=8)), [" ".join(draw.choices(words, k=size - 11)) for size in lengths]


def peak(dtype: str) -> float:
    """GFLOP/s of one product of 2048 x 2048 matrices."""
    import torch

    left, right = (torch.randn(2048, 2048).to(getattr(torch, dtype)) for _ in range(2))
    seconds = []
    for _ in range(8):
        start = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - start)
    return float(2 * 2048**3 / min(seconds) / 1e9)


def ways(model: str, names: list[str], budget: int | None = None) -> dict[str, Callable[[str, list[str]], list[float]]]:
    """What scores passages, by name."""
    import torch
    from sentence_transformers import CrossEncoder

    from swaprank import Reranker

    def ours(dtype: str) -> Callable[[str, list[str]], list[float]]:
        options = {"device": "cpu", "dtype": dtype, **({"batch_tokens": budget} if budget else {})}
        reranker = Reranker({"method": "cross-encoder", "model": model, "backend": options})
        return lambda query, passages: list(reranker.rerank(query, passages).scores)

    def theirs(**arguments: Any) -> Callable[[str, list[str]], list[float]]:
        loaded = CrossEncoder(model, device="cpu", max_length=512, **arguments)
        return lambda query, passages: [float(one) for one in loaded.predict([(query, text) for text in passages])]

    made: dict[str, Callable[[], Callable[[str, list[str]], list[float]]]] = {
        "auto": lambda: ours("auto"),
        "float32": lambda: ours("float32"),
        "bfloat16": lambda: ours("bfloat16"),
        "st": lambda: theirs(model_kwargs={"dtype": torch.float32}),
        "st-bfloat16": lambda: theirs(model_kwargs={"dtype": torch.bfloat16}),
    }
    return {name: made[name]() for name in names}


def timed(calls: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Milliseconds of each, in alternating turns."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if turn:
                found[name].append((time.perf_counter() - start) * 1e3)
    return found


def flops(tokens: list[int], shape: str) -> float:
    """Operations of the matrix products of a whole forward pass."""
    hidden, layers, _, inner = SHAPES[shape]
    gated = shape.startswith("ettin")
    linear = 2 * (4 * hidden * hidden + (3 if gated else 2) * hidden * inner)
    # Two of three layers of ModernBERT see 64 tokens to each side.
    seen = [(size + 2 * min(size, 129)) / 3 if gated else size for size in tokens]
    return sum(layers * (size * linear + 4 * size * own * hidden) for size, own in zip(tokens, seen, strict=True))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="minilm")
    parser.add_argument("--work", nargs="+", choices=WORK, default=["mixed-100", "mixed-10", "long-20"])
    parser.add_argument("--ways", nargs="+", default=["auto", "float32", "st", "st-bfloat16"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--budgets", nargs="+", type=int, default=[])
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    write = sys.stdout.write
    with tempfile.TemporaryDirectory() as folder:
        model = build(Path(folder), given.shape)
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(model)
        for work in given.work:
            query, passages = texts(work, tokenizer)
            sizes = [len(ids) for ids in tokenizer([query] * len(passages), passages)["input_ids"]]
            write(f"{given.shape}, {work}: {sum(sizes)} tokens\n")
            if given.budgets:
                named = {
                    f"{way} {budget}": call
                    for budget in given.budgets
                    for way, call in ways(model, given.ways, budget).items()
                }
            else:
                named = ways(model, given.ways)
            scores = {name: call(query, passages) for name, call in named.items()}
            calls = {name: partial(call, query, passages) for name, call in named.items()}
            if given.profile:
                _profile(calls[given.ways[0]])
                continue
            base = next(iter(scores.values())) if "st" not in scores else scores["st"]
            spread = statistics.pstdev(base) or 1.0
            for name, milliseconds in timed(calls, given.repeats).items():
                median = statistics.median(milliseconds)
                apart = max(abs(one - other) for one, other in zip(scores[name], base, strict=True))
                speed = flops(sizes, given.shape) / median / 1e6
                write(
                    f"  {name:16} {median:8.1f} ms ({min(milliseconds):.0f}-{max(milliseconds):.0f}), "
                    f"{speed:6.0f} GFLOP/s, scores apart {apart:.1e} ({apart / spread:.1%} of their spread)\n"
                )
    for dtype in ("float32", "bfloat16"):
        write(f"peak {dtype}: {peak(dtype):.0f} GFLOP/s\n")


def _profile(call: Callable[[], object]) -> None:
    import cProfile
    import pstats

    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as seen:
        call()
    sys.stdout.write(seen.key_averages().table(sort_by="self_cpu_time_total", row_limit=18, max_name_column_width=40))
    recorder = cProfile.Profile()
    recorder.runcall(call)
    pstats.Stats(recorder, stream=sys.stdout).sort_stats("tottime").print_stats(18)


if __name__ == "__main__":
    main()
