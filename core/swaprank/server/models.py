"""The rerankers of a server by the names that clients use, kept up to date with their files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigError, InputError
from ..reranker import Reranker
from .options import ModelSource

# How many names the error about a wrong one lists.
_MOST_LISTED = 20


class UnknownModelError(InputError):
    """A request names a model that is not served."""


class ServedModels:
    """Rerankers by name.

    Args:
        sources: What each name stands for; the first is the default.

    Raises:
        ConfigError: One of them is wrong.
    """

    def __init__(self, sources: Mapping[str, ModelSource]) -> None:
        self._sources = dict(sources)
        self._read = {name: _fingerprint(source) for name, source in self._sources.items()}
        self._rerankers = {name: _built(name, source) for name, source in self._sources.items()}

    @property
    def names(self) -> list[str]:
        """The names, the default first."""
        return list(self._sources)

    def get(self, name: str | None) -> tuple[str, Reranker]:
        """The reranker of that name, or the default for none, with its name.

        Raises:
            UnknownModelError: None is served under that name.
        """
        name = self.names[0] if name is None else name
        if name not in self._rerankers:
            served = ", ".join(self.names[:_MOST_LISTED])
            more = f" and {len(self.names) - _MOST_LISTED} more" if len(self.names) > _MOST_LISTED else ""
            raise UnknownModelError(f"The model {name[:80]!r} is not served here.", hint=f"Served: {served}{more}.")
        return name, self._rerankers[name]

    def warm_up(self) -> None:
        """Load every model.

        Raises:
            BackendError: A model cannot be loaded.
        """
        for reranker in self._rerankers.values():
            reranker.warm_up()

    def reload(self, *, warm_up: bool) -> dict[str, Exception | None]:
        """Build those rerankers anew whose file has changed; requests in progress keep the one they began with.

        Args:
            warm_up: Whether a new reranker's models are loaded before it takes the place of the old one.

        Returns:
            For every file that changed None, or the error because of which the old reranker stays.
        """
        outcome: dict[str, Exception | None] = {}
        for name, source in self._sources.items():
            read = _fingerprint(source)
            if read == self._read[name]:
                continue
            self._read[name] = read
            try:
                reranker = _built(name, source)
                if warm_up:
                    reranker.warm_up()
            except Exception as error:
                outcome[name] = error
            else:
                self._rerankers[name] = reranker
                outcome[name] = None
        return outcome


def _built(name: str, source: ModelSource) -> Reranker:
    try:
        return Reranker(source)
    except ConfigError as error:
        raise ConfigError(f"The reranker {name!r} cannot be served: {error}") from error


def _fingerprint(source: ModelSource) -> str:
    """What changes with a file's content; a file that cannot be read has one too."""
    if not isinstance(source, Path):
        return ""
    try:
        return hashlib.sha256(source.read_bytes()).hexdigest()
    except OSError as error:
        return type(error).__name__
