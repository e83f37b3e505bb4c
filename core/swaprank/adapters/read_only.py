"""A config that can be read, compared, copied and dumped like any dict, and not changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from ..errors import ConfigError


def read_only(config: Any) -> Any:
    """The same values, mappings and lists at any depth as read-only ones."""
    if isinstance(config, Mapping):
        return ReadOnlyDict({key: read_only(value) for key, value in config.items()})
    if isinstance(config, list | tuple):
        return ReadOnlyList(map(read_only, config))
    return config


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise ConfigError(
        "The config of a reranker that is built cannot be changed: nothing would follow the change.",
        hint='Build another: Reranker({**reranker.config, "top_n": 5}); or give top_n for one call.',
    )


class ReadOnlyDict(dict[str, Any]):
    """A dict that refuses changes; copies and pickles of it are plain dicts."""

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __copy__(self) -> Any:
        return _plain(self)

    def __deepcopy__(self, memo: Any) -> Any:
        return _plain(self)

    def __reduce__(self) -> Any:
        return _same, (_plain(self),)


class ReadOnlyList(list[Any]):
    """A list that refuses changes; copies and pickles of it are plain lists."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __copy__(self) -> Any:
        return _plain(self)

    def __deepcopy__(self, memo: Any) -> Any:
        return _plain(self)

    def __reduce__(self) -> Any:
        return _same, (_plain(self),)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _same(value: Any) -> Any:
    return value
