"""The interfaces: each path with how its requests are read, and how its replies and errors are written."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..types import Ranking
from . import bodies, replies
from .bodies import RerankJob


@dataclass(frozen=True, slots=True)
class Interface:
    """A path and how it is spoken to.

    Attributes:
        path: Where it is.
        read: Reads the body of a request.
        reply: Writes the reply: from the job, its ranking and the name of the reranker.
        messages: The keys under which clients look for an error's message.
    """

    path: str
    read: Callable[[bytes], RerankJob]
    reply: Callable[[RerankJob, Ranking, str], Any]
    messages: tuple[str, ...]

    def error(self, message: str, kind: str) -> dict[str, str]:
        """The body of an error."""
        return {**dict.fromkeys(self.messages, message), "error_type": kind}


INTERFACES = (
    # Jina's and Voyage's clients show "detail", Cohere's "message".
    Interface("/v1/rerank", bodies.read_rerank, replies.reply, ("message", "detail")),
    Interface("/v2/rerank", bodies.read_rerank, functools.partial(replies.reply, version="2"), ("message",)),
    Interface("/rerank", bodies.read_tei_or_rerank, replies.reply, ("error", "detail")),
)


def everywhere(message: str, kind: str) -> dict[str, str]:
    """The body of an error at a path of no interface, with the keys of all of them."""
    return {key: value for one in INTERFACES for key, value in one.error(message, kind).items()}
