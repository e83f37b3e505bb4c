"""The rerankers that a command measures beside one another, by the names of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..config.load import DEFAULT_RECIPE, Source, load
from ..config.secrets import without_secrets
from ..errors import BackendError, MissingDependencyError, SwaprankError
from ..evaluation.row_names import row_names
from ..reranker import Reranker


def contenders(configs: Sequence[Path], rerankers: Sequence[str]) -> dict[str, Reranker | SwaprankError]:
    """Rerankers by file or recipe, and what differs; the default where nothing is named.

    One that needs a package that is not installed, or a hub that is out of reach, is an error among them, so that the
    others are measured.

    Raises:
        ConfigError: A config is wrong, or a name is unknown.
    """
    given: list[tuple[str, Source]] = [(file.stem, file) for file in configs]
    given += [(name, name) for name in rerankers] or ([] if given else [(DEFAULT_RECIPE, DEFAULT_RECIPE)])
    loaded = [(name, load(source)) for name, source in given]
    names = row_names([(name, without_secrets(config)) for name, config in loaded])
    found: dict[str, Reranker | SwaprankError] = {}
    for name, (_, config) in zip(names, loaded, strict=True):
        try:
            found[name] = Reranker(config)
        except (BackendError, MissingDependencyError) as error:
            found[name] = error
    return found
