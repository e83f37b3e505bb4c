"""Loading a network by transformers: in the right number format, with its fine-tunings, on its device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....errors import ConfigError
from ..._checkpoints.source import Source
from .device import device, dtype
from .fine_tunings import adapt, set_language

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from ..options import TransformersOptions


def source_of(model: str, options: TransformersOptions) -> Source:
    """The files of a model with these options."""
    return Source(model, options.hub(), adapters=options.adapters, gguf_file=options.gguf_file)


def check_torch(model: str, options: TransformersOptions) -> None:
    """Refuse an exported network where only torch's is read.

    Raises:
        ConfigError: The engine is another.
    """
    if options.engine != "torch":
        raise ConfigError(f"The model {model!r} is run by torch, not by {options.engine}.")


def load_network(
    source: Source,
    options: TransformersOptions,
    loader: str,
    *,
    half_safe: bool = True,
    adapted: bool = True,
    unused: str | None = None,
    **extra: Any,
) -> PreTrainedModel:
    """A network on its device, ready to compute.

    Args:
        source: The model's files.
        options: The backend's options.
        loader: The auto class of transformers.
        half_safe: As in `dtype`.
        adapted: Whether the fine-tunings of the source are merged into it.
        unused: How the names of tensors begin that may be untrained, because nobody reads what they compute.
        extra: Further arguments of the loader.

    Raises:
        BackendError: It cannot be loaded.
        ConfigError: Some of its weights are untrained, or the options ask for what it does not have.
    """
    place = device(options.device)
    extra["dtype"] = dtype(options.dtype, place, half_safe=half_safe)
    if options.attn_implementation:
        extra["attn_implementation"] = options.attn_implementation
    if options.quantization:
        extra["quantization_config"] = dict(options.quantization)
    placed = bool(options.device_map or options.quantization)
    if placed:
        extra["device_map"] = options.device_map or place
    loaded, notes = source.pretrained(loader, output_loading_info=True, **extra)
    set_language(loaded, options.language, source.model)
    missing = {name for name in notes["missing_keys"] if unused is None or not name.startswith(unused)}
    if adapted:
        missing -= adapt(loaded, source.adapters)
    if missing:
        raise ConfigError(
            f"The model {source.model!r} has no trained weights for {', '.join(sorted(missing)[:3])}.",
            hint="Is it the kind of model that this method is for?",
        )
    if not placed:
        loaded.to(place)
    loaded.eval()
    network: PreTrainedModel = loaded
    return network
