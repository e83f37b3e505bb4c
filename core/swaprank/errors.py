"""Every error swaprank raises, as one tree.

SwaprankError
├── ConfigError (ValueError)           a key or value of a config is wrong
│   └── CapabilityError                the backend cannot answer what the method asks
├── InputError (ValueError)            the query or the passages cannot be reranked
│   └── ImageError                     an image cannot be read
├── MissingDependencyError (ImportError)  an optional package is not installed
└── BackendError (RuntimeError)        a model did not answer
    ├── BackendTimeoutError        no answer within the ``timeout`` of the config
    ├── PromptTooLongError             a prompt does not fit the model, however far its passages are cut
    └── ResponseError                  a model answered with something unusable
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType

# Names in a hint, and characters of a name that are compared: the time grows with their square.
_MOST_LISTED = 5
_MOST_COMPARED = 100
# Fewer letters are in too many names.
_LEAST_HELD = 3


class SwaprankError(Exception):
    """Base of every error of this package.

    Args:
        message: What went wrong, with the offending value in it.
        hint: The way out, appended to the message; may be empty.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".rstrip())
        self.hint = hint


class ConfigError(SwaprankError, ValueError):
    """A config names an unknown key, recipe, method or an impossible value."""


class CapabilityError(ConfigError):
    """The chosen backend cannot answer the kind of request the method makes."""


class InputError(SwaprankError, ValueError):
    """A query or a passage list cannot be reranked as it is."""


class ImageError(InputError):
    """What should be an image cannot be read, is none, or is too large."""


class MissingDependencyError(SwaprankError, ImportError):
    """An optional dependency is needed and not installed; the message holds the pip line."""


class MissingTableError(MissingDependencyError):
    """The embedding table of the default is not installed."""


class BackendError(SwaprankError, RuntimeError):
    """A backend failed to answer.

    Attributes:
        retryable: Whether trying again may help.
        tries: How often the backend has tried by itself.
    """

    def __init__(self, message: str, *, hint: str = "", retryable: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable
        self.tries = 1


class BackendTimeoutError(BackendError):
    """No answer came within the time that the config allows."""


class PromptTooLongError(BackendError):
    """A prompt does not fit the model, however far what may be cut is cut. A smaller group may fit."""


class ResponseError(BackendError):
    """A backend answered with the wrong number of responses, the wrong kind, or non-finite scores."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which of the known names is meant, or list those that come nearest.

    Returns:
        ``"Did you mean 'x'?"`` when one is close, else ``"Known: a, b, c."``, or of more than five the nearest:
        ``"Known: a, b, c, d, e and 99 more."``.
    """
    names = sorted(known)
    start = name[:_MOST_COMPARED]
    close = difflib.get_close_matches(start, names, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    listed = difflib.get_close_matches(start, names, n=_MOST_LISTED, cutoff=0.0) if len(names) > _MOST_LISTED else names
    more = f" and {len(names) - len(listed)} more" if len(names) > len(listed) else ""
    return f"Known: {', '.join(listed)}{more}."


def nearest_of_many(name: str, known: Iterable[str], *, listing: str) -> str:
    """Say which of many names are near, if any is.

    A name is near that is spelled alike, or that holds the given one: ``"qwen3"`` is near ``"qwen3-reranker-4b"``.

    Args:
        name: What was given.
        known: The names that there are.
        listing: The command that lists them all.

    Returns:
        ``"Did you mean 'x'?"``, ``"Did you mean 'x', 'y' or 'z'?"`` with at most five, or ``"See all with: ..."``.
    """
    names = sorted(known)
    start = name[:_MOST_COMPARED].lower()
    alike = difflib.get_close_matches(start, names, n=_MOST_LISTED, cutoff=0.6)
    holding = [one for one in names if len(start) >= _LEAST_HELD and start in one]
    *others, last = [repr(one) for one in dict.fromkeys((*alike, *holding))][:_MOST_LISTED] or [""]
    meant = f"{', '.join(others)} or {last}" if others else last
    return f"Did you mean {meant}? All are listed by: {listing}" if last else f"See all with: {listing}"


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional dependency, or say the exact pip line.

    Only the absence of ``module`` itself is translated: an import error inside it is a bug of that
    installation and is passed on unchanged.

    Raises:
        MissingDependencyError: ``module`` is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in (module, module.partition(".")[0]):
            raise
        raise MissingDependencyError(
            f"{purpose} needs the package {error.name!r}, which is not installed.",
            hint=f'Install it with: pip install "swaprank[{extra}]"',
        ) from error
