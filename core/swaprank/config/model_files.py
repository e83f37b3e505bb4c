"""The small JSON files that say what a model is, from a folder, the local hub cache or the hub."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..backends._checkpoints.model_path import model_path
from ..errors import BackendError, ConfigError, MissingDependencyError
from ..masking import masked, shown

# Files of transformers, sentence-transformers, ColBERT and PEFT. The first is the one that every network has.
CONFIG = "config.json"
MODULES = "modules.json"
SENTENCE_TRANSFORMERS = "config_sentence_transformers.json"
COLBERT = "artifact.metadata"
FINE_TUNING = "adapter_config.json"
FILES = (CONFIG, MODULES, SENTENCE_TRANSFORMERS, COLBERT, FINE_TUNING)

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_SECONDS = 10  # until the hub counts as out of reach
_MOST_BYTES = 4 << 20

ModelFiles = Mapping[str, Any]


def is_model(name: str) -> bool:
    """Whether a name stands for a model rather than a recipe: a hub id, a path, or a folder that exists."""
    return "/" in name or "\\" in name or name.startswith(("~", "package:")) or (name != "" and Path(name).is_dir())


def is_hub_id(name: str) -> bool:
    """Whether a name has the form of a hub id, owner/name."""
    return _HUB_ID.fullmatch(name) is not None


def read_model_files(model: str, hub: Mapping[str, Any]) -> ModelFiles:
    """What each of `FILES` holds, where the model has it.

    Args:
        model: A hub id or a folder.
        hub: What the config says under ``backend:`` about the hub: ``revision``, ``cache_dir``, ``token``,
            ``local_files_only``.

    Raises:
        ConfigError: It is neither a folder nor a hub id, the hub cannot be asked, or a file is not JSON.
    """
    try:
        folder = Path(model_path(model))
    except (BackendError, MissingDependencyError) as error:
        raise ConfigError(str(error)) from error
    if folder.is_dir():
        return _read(model, lambda name: folder / name)
    if folder.is_file():
        raise ConfigError(
            f"{shown(model)} is a file, and a model is a folder.",
            hint=f"Give the folder that has its {CONFIG}. Which file in it is the network is said under backend, "
            "such as by onnx_file.",
        )
    if not is_hub_id(model):
        raise ConfigError(f"There is no folder {shown(model)}.", hint="Give a hub id or a folder that exists.")
    return _read(model, _from_hub(model, hub))


def _from_hub(model: str, hub: Mapping[str, Any]) -> Callable[[str], Path]:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, LocalEntryNotFoundError

    # Whatever has been downloaded once is read without the hub, as long as it says what the network is.
    arguments: dict[str, Any] = {key: hub.get(key) for key in ("revision", "cache_dir", "token")}
    local = bool(hub.get("local_files_only")) or _is_cached(model, arguments)

    def path(name: str) -> Path:
        try:
            found = str(hf_hub_download(model, name, local_files_only=local, etag_timeout=_SECONDS, **arguments))
        except LocalEntryNotFoundError as error:
            if local and _is_cached(model, arguments):
                return Path(name).with_suffix(".absent")
            raise _unreachable(model, error) from error
        except GatedRepoError as error:
            raise _unreachable(model, error) from error
        except EntryNotFoundError:
            return Path(name).with_suffix(".absent")
        except Exception as error:  # no such repository, no permission, no network: many types of several libraries
            raise _unreachable(model, error) from error
        return Path(found)

    return path


def _is_cached(model: str, arguments: Mapping[str, Any]) -> bool:
    from huggingface_hub import try_to_load_from_cache

    place = {key: arguments[key] for key in ("revision", "cache_dir")}
    return any(isinstance(try_to_load_from_cache(model, name, **place), str) for name in (CONFIG, MODULES))


def _unreachable(model: str, error: Exception) -> ConfigError:
    reason = masked(" ".join(str(error).split())[:200]).rstrip(".")
    return ConfigError(
        f"What kind of model {model!r} is cannot be read from the hub: {type(error).__name__}: {reason}.",
        hint="Say it: method: cross-encoder, bi-encoder, or another one; then nothing is read before the first call.",
    )


def _read(model: str, path: Callable[[str], Path]) -> ModelFiles:
    found = {}
    for name in FILES:
        file = path(name)
        if not file.is_file():
            continue
        try:
            if file.stat().st_size > _MOST_BYTES:
                raise ValueError(f"more than {_MOST_BYTES} bytes")
            found[name] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigError(f"{name} of the model {model!r} cannot be read: {type(error).__name__}.") from error
    return found
