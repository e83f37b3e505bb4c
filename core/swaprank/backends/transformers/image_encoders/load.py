"""Loading encoders that read images: which checkpoints are some, and what they need."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ....errors import ConfigError
from ..._common.models import Runner
from ..load_networks import load_network, source_of
from .pages import PageEncoder
from .two_towers import TwoTowers

if TYPE_CHECKING:
    from ..._checkpoints.source import Source
    from ..options import TransformersOptions


def image_text_encoder(model: str, options: TransformersOptions) -> Runner | None:
    """CLIP or SigLIP; None for a model of another kind.

    Raises:
        BackendError: The model cannot be loaded.
        ConfigError: The engine cannot run it.
    """
    return _loaded(model, options, {"clip": ("CLIPModel", TwoTowers), "siglip": ("SiglipModel", TwoTowers)})


def page_encoder(model: str, options: TransformersOptions) -> Runner | None:
    """ColQwen2 in transformers' own format; None for a model of another kind.

    Raises:
        BackendError: The model cannot be loaded.
        ConfigError: The engine cannot run it.
    """
    return _loaded(model, options, {"colqwen2": ("ColQwen2ForRetrieval", PageEncoder)})


def _loaded(
    model: str, options: TransformersOptions, known: dict[str, tuple[str, Callable[..., Runner]]]
) -> Runner | None:
    source = source_of(model, options)
    kind = _kind(source)
    if kind not in known:
        return None
    if options.engine != "torch":
        raise ConfigError(f"The model {model!r} is run by torch, not by {options.engine}.")
    loader, make = known[kind]
    network = load_network(source, options, loader)
    # The class that works on Pillow's pictures, also where torchvision is installed: both round differently.
    processor: Any = source.pretrained("AutoImageProcessor", backend="pil")
    return make(network, source.tokenizer(), processor, model, options)


def _kind(source: Source) -> str:
    """The ``model_type`` of the checkpoint's config; empty where it has no config at the top."""
    path = source.file("config.json")
    found = {} if path is None else json.loads(path.read_text(encoding="utf-8"))
    return str(found.get("model_type", "")) if isinstance(found, dict) else ""
