"""Page models in colpali-engine's format: a vision-language model, a projection, and a LoRA adapter on both.

Protocol of colpali-engine 9be8f19 (MIT, https://github.com/illuin-tech/colpali). The base holds the weights of the
model and of the projection, ``custom_text_proj``; the published model is the adapter. It is merged here, without peft,
because the names of its tensors are those of the engine's classes and not of transformers' own.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....errors import ConfigError
from ..._checkpoints.snapshot import snapshot
from ..loading.networks import load_network
from ..loading.report import expecting
from ..loading.tensors import stored_tensors

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from ..._checkpoints.source import Source
    from ..options import TransformersOptions

# The engine's classes that are known here, as configs of base models name them.
ENGINE_CLASSES = frozenset({"ColPali", "ColQwen2", "ColQwen2_5"})
_PROJECTION = "custom_text_proj."
# From names of the engine's classes, which changed with transformers 4.52, to those of transformers' model.
_RENAMED = {
    r"^(?:model\.)?model\.(language_model|vision_tower|multi_modal_projector|visual)\.": r"\1.",
    r"^language_model\.model\.": "language_model.",
    r"^model\.(layers|embed_tokens|norm)\b": r"language_model.\1",
}
_LORA = re.compile(r"^base_model\.model\.(.+)\.lora_([AB])\.(?:default\.)?weight$")
_WHOLE = re.compile(r"^base_model\.model\.(.+?)(?:\.modules_to_save)?(?:\.default)?\.(weight|bias)$")


def load_engine_checkpoint(source: Source, options: TransformersOptions) -> tuple[PreTrainedModel, torch.nn.Linear]:
    """The model and its projection, the adapters merged in.

    Args:
        source: The files of the base and its adapters, or of a model that has been merged.
        options: The backend's options.

    Raises:
        BackendError: It cannot be loaded.
        ConfigError: It has no projection, or an adapter that is no plain LoRA or does not fit.
    """
    import torch

    if options.quantization and source.adapters:
        raise ConfigError(
            f"The adapter {source.model!r} is merged into its base, which cannot be quantized before.",
            hint="Leave quantization out, or take the model in transformers' own format.",
        )
    with expecting(_PROJECTION, "lm_head.", "model.lm_head."):
        network: Any = load_network(source, options, "AutoModel", adapted=False, key_mapping=_RENAMED)
    tensors = dict(stored_tensors(Path(source.path), _PROJECTION))
    try:
        weight, bias = (tensors[f"{_PROJECTION}{name}"] for name in ("weight", "bias"))
    except KeyError as error:
        raise ConfigError(
            f"The checkpoint of {source.model!r} has no {error}: it projects no page.",
            hint="Take a model of colpali-engine, or one in transformers' own format, such as vidore/colqwen2-v1.0-hf.",
        ) from error
    projection = torch.nn.Linear(weight.shape[1], weight.shape[0])
    projection.load_state_dict({"weight": weight, "bias": bias})
    projection.eval().to(network.device, network.dtype)
    modules = {**dict(network.named_modules()), _PROJECTION.removesuffix("."): projection}
    for adapter, access in source.adapters:
        _merge(modules, Path(snapshot(adapter, access, base=False).path), adapter)
    return network, projection


def _merge(modules: Mapping[str, torch.nn.Module], folder: Path, adapter: str) -> None:
    """Add a LoRA adapter to the weights of modules by the engine's names."""
    import torch

    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    _check(config, adapter)
    halves: dict[str, dict[str, torch.Tensor]] = {}
    whole: dict[tuple[str, str], torch.Tensor] = {}
    for name, tensor in stored_tensors(folder):
        if found := _LORA.match(name):
            halves.setdefault(found[1], {})[found[2]] = tensor
        elif found := _WHOLE.match(name):
            whole[found[1], found[2]] = tensor
        else:
            raise _unfit(adapter, name)
    if not halves:
        raise ConfigError(f"The adapter {adapter!r} holds no LoRA weights.")
    with torch.no_grad():
        for (name, part), tensor in whole.items():
            own = getattr(_module(modules, name, adapter), part, None)
            if own is None or own.shape != tensor.shape:
                raise _unfit(adapter, f"{name}.{part}")
            own.copy_(tensor)
        for name, half in halves.items():
            weight: Any = _module(modules, name, adapter).weight
            if set(half) != {"A", "B"} or (half["B"].shape[0], half["A"].shape[1]) != tuple(weight.shape):
                raise _unfit(adapter, name)
            rank = half["A"].shape[0]
            scale = config["lora_alpha"] / (math.sqrt(rank) if config.get("use_rslora") else rank)
            # In float32, as a 16-bit product would lose what the adapter learnt.
            added = scale * (half["B"].float() @ half["A"].float())
            weight.copy_((weight.float() + added.to(weight.device)).to(weight.dtype))


def _check(config: Mapping[str, Any], adapter: str) -> None:
    """Refuse what is no plain LoRA."""
    odd = [key for key in ("use_dora", "fan_in_fan_out", "alpha_pattern", "lora_bias") if config.get(key)]
    if config.get("peft_type") != "LORA" or odd:
        raise ConfigError(
            f"The adapter {adapter!r} is of type {config.get('peft_type')!r} with {', '.join(odd) or 'no options'}: "
            "only plain LoRA can be merged into a page model.",
            hint="Merge it with peft and save the whole model.",
        )


def _module(modules: Mapping[str, torch.nn.Module], name: str, adapter: str) -> torch.nn.Module:
    own = name
    for pattern, replacement in _RENAMED.items():
        own = re.sub(pattern, replacement, own)
    found = modules.get(own)
    if found is None or not hasattr(found, "weight"):
        raise _unfit(adapter, name)
    return found


def _unfit(adapter: str, name: str) -> ConfigError:
    return ConfigError(
        f"The adapter {adapter!r} does not fit: the model has no counterpart of {name!r}.",
        hint="Was it trained on this base model?",
    )
