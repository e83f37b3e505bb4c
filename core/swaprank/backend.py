"""The contract of a backend: how a list of requests is run on a model."""

from __future__ import annotations

import asyncio
import json
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from functools import cached_property
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from .errors import SwaprankError
from .requests import Capability, Request, Response


@runtime_checkable
class Backend(Protocol):
    """Runs requests.

    - `run` takes any mix of requests whose capability is in `capabilities` and returns one response per
      request, in order. It may be called from several threads. It batches as it likes; results must not
      depend on what else is in the list.
    - `arun` is the same without blocking the event loop.
    - A failure of the model is raised (`BackendError` says best what happened). A request that alone cannot be
      answered may get its error in place of a response, so that the others of the batch get theirs.
    - Loading happens at the first `run`, not at construction.
    - `awaited_until` holds the deadline of what is run, in the thread or task that calls `run` or `arun`. After that
      moment nobody takes the responses: a backend that waits for others gives up then, one that computes need not
      look. A cancelled `arun` says the same at once.

    A backend may have more attributes: `concurrency` (see `batches_at_once`); for the message of a missed
    deadline `address` (where it asks) and `trouble` (what went wrong last), both text; and the methods `identity` (see
    `ConfiguredBackend.identity`; without it there is no cache), `warm_up` (given the capabilities that are needed),
    `download` and `close`, which `Reranker` calls.
    """

    @property
    def name(self) -> str:
        """The kind of backend, as a config names it."""
        ...

    @property
    def model(self) -> str:
        """The model id or path; empty where there is none."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this backend, with this model, can answer."""
        ...

    def run(self, requests: Sequence[Request]) -> Sequence[Response | SwaprankError]:
        """Answer all requests, in order."""
        ...

    async def arun(self, requests: Sequence[Request]) -> Sequence[Response | SwaprankError]:
        """Answer all requests, in order, without blocking the event loop."""
        ...


def batches_at_once(backend: Backend) -> int:
    """How many batches a backend takes at the same time: its attribute ``concurrency``, or else 1.

    More than one is for backends that wait for others to compute. They get the questions of different queries
    apart, so that a slow answer holds one query only.
    """
    return int(getattr(backend, "concurrency", 1))


# The moment of `time.monotonic` after which nobody waits for what is being run; see `Backend`.
awaited_until: ContextVar[float] = ContextVar("swaprank_awaited_until", default=math.inf)


class BackendOptions(BaseModel):
    """The options of one kind of backend: what may stand under ``backend:`` in a config.

    It says without loading anything what the backend can answer and which extra it needs, and imports nothing of
    the backend.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    capabilities: ClassVar[frozenset[Capability]]
    extra: ClassVar[str] = ""
    neutral: ClassVar[frozenset[str]] = frozenset()
    """Options that change no answer, only how it is come by."""

    @property
    def offered(self) -> frozenset[Capability]:
        """What the backend can answer with these options; at most `capabilities`."""
        return self.capabilities

    @classmethod
    def offering(cls, needs: frozenset[Capability]) -> str:
        """How a config gets these from this kind of backend."""
        return f'{cls.name} (pip install "swaprank[{cls.extra}]")' if cls.extra else cls.name


class ConfiguredBackend(ABC):
    """Base of the backends that a config can name.

    Such a backend lives in a folder ``backends/<name>/``, whose ``__init__.py`` says ``BACKEND = <the class>``.

    Args:
        model: The model id or path; empty where there is none.
        options: What the config says under ``backend:``, an instance of `Options`.
    """

    Options: ClassVar[type[BackendOptions]]

    def __init__(self, model: str, options: BackendOptions) -> None:
        self.model = model
        self.options = options

    @property
    def name(self) -> str:
        """The kind of backend, as a config names it."""
        return self.options.name

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this backend, with these options, can answer."""
        return self.options.offered

    def identity(self) -> str:
        """What answers depend on besides the request, for caches: equal identities answer equal requests equally.

        It may block, to look for the model.

        Raises:
            SwaprankError: The model cannot be found.
        """
        options = self.options.model_dump(mode="json", exclude=set(self.options.neutral))
        return json.dumps([self.name, self.model, options], sort_keys=True)

    @abstractmethod
    def run(self, requests: Sequence[Request]) -> Sequence[Response | SwaprankError]:
        """Answer all requests, in order."""

    @abstractmethod
    async def arun(self, requests: Sequence[Request]) -> Sequence[Response | SwaprankError]:
        """Answer all requests, in order, without blocking the event loop."""


class LocalBackend(ConfiguredBackend):
    """Base of backends that compute in this process.

    One worker thread answers what is submitted, one list after the other, because a local model gains nothing from
    two threads that compete for it.
    """

    def submit(self, requests: Sequence[Request]) -> Future[Sequence[Response | SwaprankError]]:
        """Line requests up for the worker thread; what is cancelled before it has begun is not computed."""
        worker = self._workers.get(os.getpid())
        if worker is None:
            worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="swaprank")
            worker = self._workers.setdefault(os.getpid(), worker)
        return worker.submit(self.run, requests)

    async def arun(self, requests: Sequence[Request]) -> Sequence[Response | SwaprankError]:
        """Answer in the worker thread."""
        return await asyncio.wrap_future(self.submit(requests))

    @cached_property
    def _workers(self) -> dict[int, ThreadPoolExecutor]:
        """The executor of each process: a forked child has the object of its parent, but not its thread."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the thread: the other process starts its own."""
        return {key: value for key, value in self.__dict__.items() if key != "_workers"}
