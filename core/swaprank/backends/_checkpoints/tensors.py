"""Single tensors of a checkpoint, for heads that transformers' classes do not have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from .source import Source


def tensors(source: Source, prefix: str) -> dict[str, torch.Tensor]:
    """The tensors whose names begin so, out of whichever safetensors files of the checkpoint hold them."""
    from safetensors import safe_open

    index = source.file("model.safetensors.index.json")
    if index is None:
        names = {"model.safetensors"}
    else:
        shards = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        names = {file for tensor, file in shards.items() if tensor.startswith(prefix)}
    found = {}
    for name in sorted(names):
        path = source.file(name)
        if path is None:
            continue
        with safe_open(path, framework="pt") as file:
            found.update({key: file.get_tensor(key) for key in file.keys() if key.startswith(prefix)})  # noqa: SIM118
    return found
