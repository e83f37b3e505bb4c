"""Adapters: small sets of weights that are added to a network's own when it is loaded, one after the other.

Two published formats can be added: PEFT's (LoRA, LoHa, LoKr, IA3, OFT ...), and the sparse fine-tunings of
composable-sft (Ansell et al. 2022; https://github.com/cambridgeltl/composable-sft), in which language and
ranking masks of cross-lingual rerankers are published. Bottleneck adapters (AdapterHub, MAD-X) are layers of
their own between the network's, which no sum of weights replaces.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....errors import ConfigError, SwaprankError, require
from ..._checkpoints.failures import load_failure
from ..._checkpoints.hub import HubAccess
from ..._checkpoints.snapshot import snapshot

if TYPE_CHECKING:
    import torch

_SPARSE = "pytorch_diff.bin"
_PEFT = "base_model.model."


def adapt(network: Any, adapters: Iterable[tuple[str, HubAccess]]) -> set[str]:
    """Merge fine-tunings in order, each a folder or hub id and how it is got; see `merge`.

    Raises:
        BackendError: One cannot be loaded; the message names it and the cause.
        ConfigError: One is in another format, or was made for another network.
    """
    brought: set[str] = set()
    for adapter, access in adapters:
        try:
            brought |= merge(network, adapter, access)
        except SwaprankError:
            raise
        except Exception as error:  # loaders run code of many hands, which raises anything
            raise load_failure(adapter, error, trusted=access.trust_remote_code) from error
    return brought


def merge(network: Any, adapter: str, access: HubAccess) -> set[str]:
    """Add an adapter's weights to a network in place.

    An adapter may have been trained with another head, or with none: it is added to what both have.

    Args:
        network: A transformers model.
        adapter: A folder or hub id.
        access: How its files are got.

    Returns:
        Names of the whole tensors (a head's) that came with it.

    Raises:
        MissingDependencyError: peft is not installed.
        ConfigError: The adapter is in another format, or was made for another network.
    """
    files = snapshot(adapter, access, base=False)
    adapter, download = files.path, files.access.arguments()
    config = _file(adapter, "adapter_config.json", download)
    if config is not None:
        return _merge_peft(network, adapter, download, json.loads(config.read_text(encoding="utf-8")))
    sparse = _file(adapter, _SPARSE, download)
    if sparse is not None:
        return _add_sparse(network, adapter, sparse)
    raise ConfigError(
        f"The adapter {adapter!r} has neither an adapter_config.json nor a {_SPARSE}.",
        hint="adapters takes folders or hub ids of PEFT adapters and of sparse fine-tunings (composable-sft).",
    )


def _merge_peft(network: Any, adapter: str, download: dict[str, Any], config: dict[str, Any]) -> set[str]:
    if "peft_type" not in config:
        raise ConfigError(
            f"The adapter {adapter!r} is in the format of AdapterHub: layers of its own, which cannot be merged.",
            hint="Take a PEFT adapter (LoRA ...) or a sparse fine-tuning, or a model that has its adapters built in.",
        )
    peft = require("peft", extra="peft", purpose=f"The adapter {adapter!r}")
    if peft.PeftConfig.from_pretrained(adapter, **download).is_prompt_learning:
        raise ConfigError(
            f"The adapter {adapter!r} is of type {config['peft_type']}, which cannot be merged into weights.",
            hint="Take one that changes weights: LoRA, LoHa, LoKr, AdaLoRA, IA3, OFT, BOFT ...",
        )
    held = {name.removeprefix(_PEFT) for name in peft.load_peft_weights(adapter, device="cpu", **download)}
    target = _target(network, held)
    wrapped = peft.PeftModel.from_pretrained(target, adapter, **download)
    own = {name.removeprefix(_PEFT) for name in peft.get_peft_model_state_dict(wrapped, save_embedding_layers=False)}
    mark = wrapped.base_model.prefix
    unread = sorted([name for name in held - own if mark in name] + list(own - held))
    if unread:
        raise ConfigError(
            f"The adapter {adapter!r} does not fit: {len(unread)} of its tensors and the network's have no "
            f"counterpart, such as {unread[0]}.",
            hint="Was it trained on this base model?",
        )
    wrapped.merge_and_unload()
    return own


def _target(network: Any, names: set[str]) -> torch.nn.Module:
    """What an adapter with tensors of these names was put on: the whole network, or the network without its head."""
    import torch

    prefix = network.base_model_prefix
    headed = any(name.startswith(f"{prefix}.") for name in names)
    found: torch.nn.Module = network
    if network.base_model is not network and not headed:
        found = network.base_model
    elif network.base_model is network and headed:
        # Trained with a head that this network does not have: give it the place that it had then.
        found = torch.nn.Module()
        found.config = network.config
        setattr(found, prefix, network)
    return found


def _add_sparse(network: Any, adapter: str, file: Path) -> set[str]:
    """Add the differences, and take over the whole tensors (of a head) that the network has as well."""
    import torch

    with torch.serialization.safe_globals(_numpy_scalars()):
        components = torch.load(file, map_location="cpu", weights_only=True)
    # Files of 2021 and of later versions of the library name their parts differently.
    body, head = (components.get(new) or components.get(old) or {} for new, old in (("diffs", "body"), ("abs", "head")))
    if not body or components.get("block_sparses"):
        raise ConfigError(
            f"The sparse fine-tuning {adapter!r} holds no differences of weights, or other parts beside them: "
            f"{', '.join(components)}."
        )
    tensors = dict(_target(network, set(body)).named_parameters())
    strange = sorted(set(body) - set(tensors))
    if strange:
        raise ConfigError(
            f"The sparse fine-tuning {adapter!r} does not fit: the network has no {strange[0]}.",
            hint="Was it trained on this base model?",
        )
    brought = {name: value for name, value in head.items() if name in tensors}
    with torch.no_grad():
        for name, difference in body.items():
            tensors[name].add_(_dense(difference).to(tensors[name]))
        for name, value in brought.items():
            tensors[name].copy_(_dense(value))
    return set(brought)


def _numpy_scalars() -> list[Any]:
    """What a numpy integer is unpickled with: the library leaves one in each list of steps. It runs no code."""
    import numpy as np

    scalar = type(np.int64(0)).__reduce__(np.int64(0))[0]
    # numpy 1 called the module by another name.
    names = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
    return [np.dtype, type(np.dtype(np.int64)), *((scalar, name) for name in names)]


def _dense(difference: Any) -> torch.Tensor:
    """A difference as it is published: steps between the changed places, counted with the first axis fastest."""
    import torch

    if isinstance(difference, torch.Tensor):
        return difference.to_dense()
    size = tuple(difference["size"])
    places = torch.as_tensor(difference["index_steps"]).long().cumsum(0)
    values = torch.as_tensor(difference["values"])
    flat = torch.zeros(torch.Size(size).numel(), dtype=values.dtype)
    flat[places] = values
    return flat.reshape(size[::-1]).permute(*range(len(size) - 1, -1, -1))


def _file(adapter: str, name: str, download: dict[str, Any]) -> Path | None:
    """A file of a folder or hub repository; None if it has none of that name."""
    transformers = require("transformers", extra="transformers", purpose=f"The adapter {adapter!r}")
    found = transformers.utils.cached_file(adapter, name, _raise_exceptions_for_missing_entries=False, **download)
    return None if found is None else Path(found)


def set_language(network: Any, language: str | None, model: str) -> None:
    """Choose among the language adapters that a network has built in (X-MOD).

    Raises:
        ConfigError: It has none, has none of that language, or none is chosen.
    """
    languages = list(getattr(network.config, "languages", None) or ())
    if not hasattr(network, "set_default_language") or not languages:
        if language is not None:
            raise ConfigError(
                f"The model {model!r} has no language adapters, and language is {language!r}.",
                hint="The option is for X-MOD models such as antoinelouis/colbert-xm.",
            )
    elif language is not None and language in languages:
        network.set_default_language(language)
    elif language is not None or network.config.default_language is None:
        raise ConfigError(
            f"The model {model!r} has no language adapter {language!r}.",
            hint=f"Set backend: {{language: ...}} to one of: {', '.join(languages)}.",
        )
