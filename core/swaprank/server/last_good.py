"""The config of each reranker that worked last, kept for workers that replace others."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

from ..config.data import Config


class LastGood:
    """Configs by the names of their rerankers, in a folder that all workers of a server share.

    A config may hold a literal secret: only this user can read the files, and whoever made the folder removes it.

    Args:
        folder: Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, name: str, config: Config) -> None:
        """Keep a config in place of the one before; a worker that reads meanwhile finds one of them whole."""
        handle, fresh = tempfile.mkstemp(dir=self._folder)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(config, file)
        Path(fresh).replace(self._file(name))

    def config(self, name: str) -> Config | None:
        """The config of that name that worked last; None where none has worked yet."""
        try:
            text = self._file(name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        config: Config = json.loads(text)
        return config

    def _file(self, name: str) -> Path:
        """A name may hold what no file name may."""
        return self._folder / f"config-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()}.json"
