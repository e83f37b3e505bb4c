"""What a server answered, and reading it with an error that says what did not fit."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ...errors import ResponseError
from .._common.secrets import Secrets

# How much of an unexpected answer a message shows.
_SHOWN = 200


@dataclass(frozen=True)
class ServerReply:
    """Decoded JSON of any shape, in which secrets may be repeated."""

    server: str
    path: str
    body: Any
    secrets: Secrets = field(default_factory=Secrets, repr=False)

    @contextmanager
    def expected(self) -> Iterator[Any]:
        """The body; whatever does not fit what is read of it is an error that names the server.

        Raises:
            ResponseError: Reading failed with a `LookupError`, `TypeError`, `ValueError`, `AttributeError` or
                `ArithmeticError`.
        """
        try:
            yield self.body
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            # The beginning only: a body may have millions of bytes.
            beginning = "".join(itertools.islice(json.JSONEncoder().iterencode(self.body), _SHOWN))[: 10 * _SHOWN]
            what, shown = (
                self.secrets.masked(text)[:_SHOWN] for text in (f"{type(error).__name__}: {error}", beginning)
            )
            raise ResponseError(
                f"{self.server} did not answer {self.path} as expected ({what}): {shown}.",
                hint="Is the server what `api` and `server` say?",
            ) from None  # it may repeat a secret


def number(value: Any) -> float:
    """A finite number of a JSON body.

    Raises:
        ValueError: It is not a finite number.
        OverflowError: It is larger than any float.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number")
    return float(value)
