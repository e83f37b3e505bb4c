"""A model's files in a folder of this machine: the hub is asked once for all of them, and not by each loader for each.

A hub that does not answer fails once, after one time-out (`HF_HUB_ETAG_TIMEOUT`, 10 seconds), or is done without where
the cache has the model. The loaders get a folder, and ask nobody.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import BackendError, require
from .bert_cat import base_access, student_base
from .failures import hub_failure, own_code, status_of
from .hub import HubAccess
from .model_path import model_path
from .needed_files import needed_files

logger = logging.getLogger(__name__)

# As the hub allows them; whatever else is not there is a folder that is missing.
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
# One of these is in every repository that can be loaded.
_SIGNS = ("config.json", "modules.json", "adapter_config.json", "tokenizer_config.json", "pytorch_diff.bin")
_WEIGHTS = (".safetensors", ".bin", ".onnx", ".xml", ".gguf", ".pt", ".h5")
# Where sentence-transformers looks for names without an owner.
_OWNER = "sentence-transformers"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where a model's files lie.

    Attributes:
        path: Their folder; the model as it was named where that is neither a folder nor a hub id.
        access: How loaders get what is in it.
        commit: The commit on the hub; empty for a folder of the user's own.
        size: Bytes of all needed files, as far as the hub has told.
        downloaded: Bytes of those that were not in the cache.
    """

    path: str
    access: HubAccess
    commit: str = ""
    size: int = 0
    downloaded: int = 0


class Found:
    """What was found for one model and what belongs to it, so that no loader asks again."""

    def __init__(self) -> None:
        self.snapshots: dict[tuple[str, HubAccess], Snapshot] = {}
        self.unreachable: Exception | None = None

    def clear(self) -> None:
        """Ask again from now on."""
        self.snapshots.clear()
        self.unreachable = None


_found: ContextVar[Found | None] = ContextVar("swaprank_found", default=None)


@contextmanager
def remembering(found: Found) -> Iterator[None]:
    """Within this, what was found before is not asked for again."""
    token = _found.set(found)
    try:
        yield
    finally:
        _found.reset(token)


def snapshot(model: str, access: HubAccess, *, base: bool = True) -> Snapshot:
    """The files of a model, fetched where they are not in the cache.

    Args:
        model: A hub id, a folder, or ``package:<import name>/<folder>``.
        access: How its files are got.
        base: Whether the base of a PEFT adapter is fetched as well.

    Raises:
        MissingDependencyError: The hub's library, or the package with the model, is not installed.
        BackendError: The hub does not have the model, or is out of reach and the cache does not have it.
    """
    path = model_path(model)
    if Path(path).exists() or not _HUB_ID.fullmatch(path) or "--" in path or ".." in path:
        found = Snapshot(path, access)
    else:
        known = _found.get() or Found()
        if (path, access) not in known.snapshots:
            known.snapshots[path, access] = _Hub(access, known).snapshot(path)
        found = known.snapshots[path, access]
    for other, how in _belonging(Path(found.path), access, base=base):
        if other != model:
            snapshot(other, how)
    return found


def check_code(files: Snapshot, model: str) -> None:
    """Refuse modules of a sentence encoder that are not sentence-transformers' own, unless they are trusted.

    sentence-transformers before 6.0 runs the code of whatever lies in a folder, and fetched models do.

    Raises:
        BackendError: The message says how to trust it.
    """
    if files.access.trust_remote_code:
        return
    try:
        modules = json.loads((Path(files.path) / "modules.json").read_text(encoding="utf-8"))
        types = [str(module["type"]) for module in modules]
    except (OSError, ValueError, TypeError, KeyError):
        return  # no such file, or the loader will say what is wrong with it
    if not all(one.startswith("sentence_transformers.") for one in types):
        raise own_code(model)


class OfflineModeIsEnabled(ConnectionError):
    """The hub is not to be asked; the hub's library calls it the same."""


def fingerprints(files: Iterable[tuple[str, HubAccess]]) -> list[str]:
    """What tells these models apart from all others, with what belongs to them.

    Of a repository of the hub it is the commit, of a folder the sizes and times of its files.

    Args:
        files: The model, then the adapters; each with how it is got.
    """
    told: list[str] = []
    for place, (name, access) in enumerate(files):
        found = snapshot(name, access, base=place == 0)
        told.append(f"{name}@{found.commit}" if found.commit else _listed(Path(found.path)))
        base = _json(Path(found.path) / "adapter_config.json").get("base_model_name_or_path") if place == 0 else None
        if isinstance(base, str) and base != name:
            beside = Path(found.path).parent / base
            told += fingerprints([(str(beside) if beside.exists() else base, access.of_another())])
    return told


def _listed(folder: Path) -> str:
    files = sorted(file for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else []
    stats = [(str(file.relative_to(folder)), file.stat()) for file in files]
    return json.dumps([str(folder.resolve()), *([name, one.st_size, one.st_mtime_ns] for name, one in stats)])


class _Hub:
    """One repository, on the hub and in the cache."""

    def __init__(self, access: HubAccess, known: Found) -> None:
        self._access = access
        self._known = known
        self._library: Any = require("huggingface_hub", extra="transformers", purpose="A model of the hub")
        self._constants: Any = require("huggingface_hub.constants", extra="transformers", purpose="A model of the hub")

    def snapshot(self, model: str) -> Snapshot:
        names = [model] if "/" in model else [model, f"{_OWNER}/{model}"]
        try:
            self._check_online()
            return self._fetched(*self._info(names))
        except Exception as error:  # the hub's library raises what several HTTP libraries do
            if isinstance(error, BackendError):
                raise
            if status_of(error) is None:
                self._known.unreachable = error
            return self._from_cache(names, error)

    def _check_online(self) -> None:
        if self._access.local_files_only or self._constants.HF_HUB_OFFLINE:
            raise OfflineModeIsEnabled
        if self._known.unreachable is not None:
            raise self._known.unreachable

    def _info(self, names: list[str]) -> tuple[str, Any]:
        """The first of these names that the hub has, and what it says: one request each, and no repetitions."""
        api = self._library.HfApi(token=self._access.secret)
        patience = float(self._constants.HF_HUB_ETAG_TIMEOUT)
        for name in names:
            try:
                info = api.model_info(name, revision=self._access.revision, timeout=patience, files_metadata=True)
            except Exception as error:
                if name == names[-1] or status_of(error) not in (401, 404):
                    raise
            else:
                return name, info
        raise AssertionError("no name was asked for")

    def _fetched(self, name: str, info: Any) -> Snapshot:
        sizes = {one.rfilename: one.size or 0 for one in info.siblings or ()}
        needed = needed_files(sizes, self._access, name)
        size = sum(sizes[file] for file in needed)
        folder = self._cached(name)
        here = folder is not None and folder.name == info.sha
        missing = [file for file in needed if folder is None or not here or not (folder / file).is_file()]
        if missing:
            fresh = sum(sizes[file] for file in missing)
            logger.info("Fetching %d files of %s (%.0f MB) at %s.", len(missing), name, fresh / 1e6, info.sha)
            folder = Path(
                self._library.snapshot_download(
                    name,
                    revision=self._access.revision,
                    cache_dir=self._access.cache_dir,
                    token=self._access.secret,
                    allow_patterns=needed,
                    etag_timeout=self._constants.HF_HUB_ETAG_TIMEOUT,
                )
            )
            lost = [file for file in needed if not (folder / file).is_file()]
            if lost:
                # The library takes what the cache has where the hub fails halfway.
                raise ConnectionError(f"{len(lost)} files did not come, such as {lost[0]}")
            return Snapshot(str(folder), self._access.of_fetched(), folder.name, size, fresh)
        return Snapshot(str(folder), self._access.of_fetched(), info.sha, size)

    def _from_cache(self, names: list[str], error: Exception) -> Snapshot:
        """The model as the cache has it, in place of the hub's answer."""
        if type(error).__name__ != "RevisionNotFoundError":
            for name in names:
                folder = self._cached(name)
                if folder is None or (self._access.weights and not _has_weights(folder, self._access)):
                    continue
                if not isinstance(error, OfflineModeIsEnabled):
                    logger.warning("The hub gives no answer (%s); %s is loaded from the cache.", _brief(error), name)
                return Snapshot(str(folder), self._access.of_fetched(), folder.name)
        endpoint = str(self._constants.ENDPOINT)
        exported = self._access.engine != "torch"
        raise hub_failure(names[0], error, endpoint, self._access.revision, exported=exported) from error

    def _cached(self, name: str) -> Path | None:
        """The folder of the named revision in the cache; None where there is none."""
        shared = os.environ.get("SENTENCE_TRANSFORMERS_HOME")
        places = [self._access.cache_dir, *([shared] if shared and self._access.cache_dir is None else [])]
        signs = [*_SIGNS, *([self._access.gguf_file] if self._access.gguf_file else [])]
        for place in places:
            for sign in signs:
                file = self._library.try_to_load_from_cache(name, sign, cache_dir=place, revision=self._access.revision)
                if isinstance(file, str):
                    return Path(file[: -len(sign)])
        return None


def _belonging(folder: Path, access: HubAccess, *, base: bool) -> Iterator[tuple[str, HubAccess]]:
    """What is loaded with the files of a folder: an adapter's base, and trusted code in other repositories."""
    named = _json(folder / "adapter_config.json").get("base_model_name_or_path") if base else None
    if isinstance(named, str) and not (folder.parent / named).exists():
        yield named, access.of_another()
    tuned_from = student_base(_json(folder / "config.json"), folder) if access.weights else None
    if tuned_from is not None:
        yield tuned_from, base_access(access)
    if access.trust_remote_code:
        classes = _json(folder / "config.json").get("auto_map") or {}
        texts = [one for value in classes.values() for one in (value if isinstance(value, list) else [value])]
        for repository in sorted({text.partition("--")[0] for text in texts if isinstance(text, str) and "--" in text}):
            yield (
                repository,
                HubAccess(
                    cache_dir=access.cache_dir,
                    local_files_only=access.local_files_only,
                    trust_remote_code=True,
                    token=access.token,
                    weights=False,
                ),
            )


def _json(file: Path) -> dict[str, Any]:
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _has_weights(folder: Path, access: HubAccess) -> bool:
    wanted = (".onnx",) if access.engine == "onnxruntime" else _WEIGHTS
    return any(file.suffix in wanted for file in folder.rglob("*"))


def _brief(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
