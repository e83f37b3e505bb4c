"""Tensors of a checkpoint by their names, beside the network that transformers builds of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_ADAPTER = "adapter_model.safetensors"


def stored_tensors(folder: Path, beginning: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of an adapter's folder, or of a model's, whose names begin so; none where it has no safetensors."""
    from safetensors import safe_open

    adapter = folder / _ADAPTER
    for path in [adapter] if adapter.exists() else sorted(folder.glob("model*.safetensors")):
        with safe_open(path, framework="pt") as file:
            # Not a dictionary: it has no other way to name what it holds.
            for name in file.keys():  # noqa: SIM118
                if name.startswith(beginning):
                    yield name, file.get_tensor(name)
