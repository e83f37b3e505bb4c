"""The rerankers of a server by the names that clients use, kept up to date with their files."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

from ..config.data import Config
from ..config.load import load
from ..errors import ConfigError, InputError, SwaprankError
from ..reranker import Reranker
from .last_good import LastGood
from .options import ModelSource

logger = logging.getLogger(__name__)

# How many names the error about a wrong one lists.
_MOST_LISTED = 20


class UnknownModelError(InputError):
    """A request names a model that is not served."""


class ServedModels:
    """Rerankers by name.

    Args:
        sources: What each name stands for; the first is the default.
        last_good: The folder in which workers keep the configs that work. Where a file is wrong, the one that worked
            last is taken from there.

    Attributes:
        replaced: From the name of each reranker whose file is wrong to the error because of which its last good
            config is served.

    Raises:
        ConfigError: One of them is wrong, and none has worked before.
    """

    def __init__(self, sources: Mapping[str, ModelSource], *, last_good: Path | None = None) -> None:
        self._sources = dict(sources)
        self._last_good = None if last_good is None else LastGood(last_good)
        self._read = {name: _fingerprint(source) for name, source in self._sources.items()}
        self.replaced: dict[str, Exception] = {}
        self._configs: dict[str, Config] = {}
        self._rerankers: dict[str, Reranker] = {}
        for name, source in self._sources.items():
            try:
                self._configs[name], self._rerankers[name] = _built(name, source)
            except ConfigError as error:
                self._go_back(name, error)

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
            BackendError: A model cannot be loaded, neither that of the file nor that of the last good config.
        """
        for name in self._sources:
            try:
                self._rerankers[name].warm_up()
            except SwaprankError as error:
                self._go_back(name, error)
                self._rerankers[name].warm_up()

    def keep(self) -> None:
        """Keep the configs for workers that come later: they work."""
        for name in self._sources.keys() - self.replaced.keys():
            self._keep(name)

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
                config, reranker = _built(name, source)
                if warm_up:
                    reranker.warm_up()
            except Exception as error:
                outcome[name] = error
            else:
                self._configs[name], self._rerankers[name] = config, reranker
                self._keep(name)
                outcome[name] = None
        return outcome

    def _keep(self, name: str) -> None:
        if self._last_good is None or not isinstance(self._sources[name], Path):
            return
        try:
            self._last_good.keep(name, self._configs[name])
        except OSError as error:  # such as a full disk: the server goes on without
            logger.warning("The config of %s cannot be kept for workers that come later: %s", name, error)

    def _go_back(self, name: str, error: SwaprankError) -> None:
        """Take the last good config of a reranker whose file is wrong; raise the error where there is none."""
        config = None if self._last_good is None or name in self.replaced else self._last_good.config(name)
        if config is None:
            raise error
        self._configs[name], self._rerankers[name] = _built(name, config)
        self.replaced[name] = error


def _built(name: str, source: ModelSource) -> tuple[Config, Reranker]:
    try:
        config = load(source)
        return config, Reranker(config)
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
