"""What a late-interaction checkpoint says about itself, in the formats of colbert-ai and of PyLate.

colbert-ai (Stanford): ``artifact.metadata``, and the projection as ``linear.weight`` beside the network's own
tensors in ``model.safetensors``. PyLate: ``modules.json`` with one or several ``Dense`` modules after the
network, and ``config_sentence_transformers.json``.
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....errors import ConfigError

if TYPE_CHECKING:
    import torch

# Where a file of the model is on this machine; None if the model has no such file.
Find = Callable[[str], Path | None]


@dataclass(frozen=True, slots=True)
class Projection:
    """One linear layer over token vectors.

    Attributes:
        weight: [out, in].
        bias: [out], or None.
        activation: What follows.
        residual: Whether what went in is added to what comes out.
        shortcut: Weights [out, in] of that residual path where the sizes differ.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None = None
    activation: Callable[[torch.Tensor], torch.Tensor] | None = None
    residual: bool = False
    shortcut: torch.Tensor | None = None

    def __call__(self, vectors: torch.Tensor) -> torch.Tensor:
        """Vectors [..., in] projected to [..., out]."""
        from torch.nn.functional import linear

        projected = linear(vectors, self.weight.to(vectors), None if self.bias is None else self.bias.to(vectors))
        if self.activation is not None:
            projected = self.activation(projected)
        if self.shortcut is not None:
            return projected + linear(vectors, self.shortcut.to(vectors))
        return projected + vectors if self.residual else projected


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a checkpoint wants its texts.

    Attributes:
        markers: The token after the first one, by role.
        lengths: Most tokens, by role.
        expansion: Whether short queries are filled up with mask tokens.
        attended: Whether the text's tokens attend to those.
        skip: Marks of a passage that get no vector.
        projections: The layers after the network, in order.
    """

    markers: Mapping[str, str]
    lengths: Mapping[str, int]
    expansion: bool
    attended: bool
    skip: tuple[str, ...]
    projections: tuple[Projection, ...]


def read_protocol(find: Find, model: str) -> Protocol:
    """The protocol of a checkpoint.

    Raises:
        ConfigError: It is in neither format.
    """
    modules = find("modules.json")
    if modules is not None:
        dense = [module for module in _json(modules) if str(module["type"]).rpartition(".")[2] == "Dense"]
        if dense:
            return _pylate(find, model, tuple(_dense(find, module["path"], model) for module in dense))
    weights = find("model.safetensors")
    linear = _tensors(weights, "linear.weight").get("linear.weight") if weights else None
    if linear is None:
        raise ConfigError(
            f"The model {model!r} is not a late-interaction model: it has no projection of token vectors.",
            hint="Give a ColBERT model in the format of colbert-ai (linear.weight in model.safetensors) or of PyLate "
            "(a Dense module in modules.json). Embedding models are for method: bi-encoder.",
        )
    return _stanford(find, linear)


def _stanford(find: Find, linear: torch.Tensor) -> Protocol:
    metadata = find("artifact.metadata")
    own: dict[str, Any] = _json(metadata) if metadata else {}
    return Protocol(
        markers={
            "query": own.get("query_token_id", "[unused0]"),
            "passage": own.get("doc_token_id", "[unused1]"),
        },
        lengths={"query": own.get("query_maxlen", 32), "passage": own.get("doc_maxlen", 220)},
        expansion=True,
        attended=bool(own.get("attend_to_mask_tokens", False)),
        skip=tuple(string.punctuation) if own.get("mask_punctuation", True) else (),
        projections=(Projection(linear),),
    )


def _pylate(find: Find, model: str, projections: tuple[Projection, ...]) -> Protocol:
    config = find("config_sentence_transformers.json")
    own: dict[str, Any] = _json(config) if config else {}
    skip = own.get("skiplist_words")
    return Protocol(
        markers={
            "query": own.get("query_prefix") or "[Q] ",
            "passage": own.get("document_prefix") or "[D] ",
        },
        lengths={"query": own.get("query_length") or 32, "passage": own.get("document_length") or 180},
        expansion=bool(own.get("do_query_expansion", True)),
        attended=bool(own.get("attend_to_expansion_tokens", False)),
        skip=tuple(string.punctuation if skip is None else skip),
        projections=projections,
    )


def _dense(find: Find, path: str, model: str) -> Projection:
    import torch

    config, weights = find(f"{path}/config.json"), find(f"{path}/model.safetensors")
    if config is None or weights is None:
        raise ConfigError(f"The model {model!r} has no config.json or no model.safetensors in {path!r}.")
    own = _json(config)
    name = str(own.get("activation_function") or "torch.nn.Identity")
    activation = getattr(torch.nn, name.rpartition(".")[2], None) if name.startswith("torch.nn.") else None
    if activation is None:
        raise ConfigError(f"The model {model!r} asks for the activation {name!r}; only those of torch.nn are run.")
    tensors = _tensors(weights, "linear.weight", "linear.bias", "residual.weight")
    return Projection(
        tensors["linear.weight"],
        tensors.get("linear.bias"),
        activation(),
        residual=bool(own.get("use_residual", False)),
        shortcut=tensors.get("residual.weight"),
    )


def _tensors(file: Path, *names: str) -> dict[str, torch.Tensor]:
    """Those of the named tensors that the file holds."""
    from safetensors import safe_open

    with safe_open(file, framework="pt") as opened:
        held = set(opened.keys())
        return {name: opened.get_tensor(name) for name in names if name in held}


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))
