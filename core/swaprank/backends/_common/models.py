"""Models of this process: loaded at the first request, shared by all who name them, asked in shared batches."""

from __future__ import annotations

import gc
import json
import math
import os
import sys
import time
from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from pydantic import Field

from ...backend import BackendOptions, LocalBackend, awaited_until
from ...errors import BackendError, ResponseError, SwaprankError
from ...requests import Capability, Request, Response
from ...types import Downloaded
from .._checkpoints.hub import HubAccess
from .._checkpoints.snapshot import Found, fingerprints, remembering, snapshot
from .attempts import Attempts
from .batcher import DynamicBatcher
from .shared import shared


class ModelDied(BackendError):
    """What was loaded is gone for good; the next request loads it anew."""


class Runner(Protocol):
    """A loaded model that answers requests of its kind."""

    def run(self, requests: Sequence[Any]) -> Sequence[Response | SwaprankError]:
        """Answer all requests, in order."""


class ModelOptions(BackendOptions):
    """Options of every backend that computes in this process.

    Attributes:
        gather_ms: While calls come from several threads or tasks at a time: milliseconds to wait for more of them
            before a batch is computed.
        retry_load_after: Seconds for which a failed load is remembered: calls fail at once meanwhile, and a fallback
            comes at once. 0 tries at every call.
    """

    neutral: ClassVar[frozenset[str]] = frozenset({"gather_ms", "retry_load_after"})

    gather_ms: float = Field(default=2.0, ge=0, le=1000)
    retry_load_after: float = Field(default=30.0, ge=0, allow_inf_nan=False)


Options = TypeVar("Options", bound=ModelOptions)


class ModelBackend(LocalBackend, Generic[Options]):
    """Answers requests with models of this process.

    All backends with the same model and options share them, and their batches. A model is dropped when the last of
    these backends is closed or collected.

    Args:
        model: A hub id, a folder, or ``package:<import name>/<folder>``.
        options: The ``backend:`` part of the config.
    """

    kinds: ClassVar[Mapping[type[Request], str]]
    # How many requests of several callers make a batch; see `DynamicBatcher`.
    gathered: ClassVar[int] = 256
    options: Options

    def __init__(self, model: str, options: Options) -> None:
        super().__init__(model, options)
        self._held: DynamicBatcher[Models] | None = None
        self._holder = 0

    @staticmethod
    @abstractmethod
    def load(kind: str, model: str, options: Any) -> Runner:
        """What answers the requests of a kind."""

    def submit(self, requests: Sequence[Request]) -> Future[Sequence[Response | SwaprankError]]:
        """Line requests up for the next batch; what is cancelled before its batch begins is not computed."""
        return self._batcher.submit(requests)

    def run(self, requests: Sequence[Request]) -> Sequence[Response | SwaprankError]:
        """Answer all requests, in order; leave the queue at the deadline, when nobody waits for them any more."""
        future = self.submit(requests)
        patience = awaited_until.get() - time.monotonic()
        try:
            return future.result(None if patience == math.inf else max(patience, 0))
        finally:
            future.cancel()

    def files(self) -> list[tuple[str, HubAccess]]:
        """The repositories and folders that are loaded, and how each is got."""
        return [(self.model, HubAccess())]

    def identity(self) -> str:
        """The options that matter, the number format, and the commits or files of all that is loaded."""
        future = self._batcher.call(lambda models: models.fingerprint(self.files()))
        try:
            return json.dumps([super().identity(), self.number_format(), future.result()])
        finally:
            future.cancel()

    def number_format(self) -> str:
        """What the numbers of answers depend on besides the options, such as the format that ``auto`` stands for."""
        return ""

    def warm_up(self, needs: Collection[Capability]) -> None:
        """Load what answers requests of these kinds; a load that has failed before is tried again.

        Raises:
            SwaprankError: It cannot be loaded.
        """
        kinds = {kind: None for request, kind in self.kinds.items() if request.capability in needs}
        future = self._batcher.call(lambda models: models.load(kinds))
        try:
            future.result()
        finally:
            future.cancel()

    def download(self) -> list[Downloaded]:
        """Fetch the files of the model and of what is put on it, without loading them.

        Returns:
            Each repository of the hub, and where its files are.

        Raises:
            SwaprankError: The hub does not have one, or is out of reach.
        """
        return fetched(self.files())

    def close(self) -> None:
        """Let the models go; the next request loads them anew.

        Their memory is free once nobody else holds them: other backends with the same model and options, or calls
        that still run.
        """
        self._held = None
        # Models hold themselves in circles.
        gc.collect()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            torch.cuda.empty_cache()

    @property
    def _batcher(self) -> DynamicBatcher[Models]:
        held = self._held
        if held is None or self._holder != os.getpid():
            key = (self.name, self.model, self.options.model_dump_json())
            make = type(self), self.model, self.options
            held = shared(key, lambda: DynamicBatcher(Models(*make), self.options.gather_ms / 1000, self.gathered))
            self._held, self._holder = held, os.getpid()
        return held

    def __reduce__(self) -> tuple[type[Self], tuple[str, Options]]:
        """Pickle without what is loaded."""
        return type(self), (self.model, self.options)


def fetched(files: Iterable[tuple[str, HubAccess]]) -> list[Downloaded]:
    """Fetch a model and what is put on it, without loading them.

    Args:
        files: The model, then the adapters; each with how it is got. The base that an adapter names is fetched only
            where the adapter is the model.

    Returns:
        Each repository of the hub, and where its files are.
    """
    found = Found()
    with remembering(found):
        for place, (name, access) in enumerate(files):
            snapshot(name, access, base=place == 0)
    return [
        Downloaded(name, files.commit, files.path, files.size, files.downloaded)
        for (name, _), files in found.snapshots.items()
    ]


class Models:
    """What a model id stands for, loaded once per kind of request that comes."""

    def __init__(self, backend: type[ModelBackend[Any]], model: str, options: Any) -> None:
        self._backend = backend
        self._model = model
        self._options = options
        self._runners: dict[str, Runner] = {}
        self._attempts = Attempts(options.retry_load_after)
        self._found = Found()

    def run(self, requests: Sequence[Request]) -> list[Response | SwaprankError]:
        """Answer all requests, in order."""
        places: dict[str, list[int]] = {}
        for place, request in enumerate(requests):
            kind = self._backend.kinds.get(type(request))
            if kind is None:
                raise ResponseError(
                    f"The {self._options.name} backend cannot answer a {type(request).__name__} request."
                )
            places.setdefault(kind, []).append(place)
        responses: dict[int, Response | SwaprankError] = {}
        for kind, own in places.items():
            try:
                answers = self.runner(kind).run([requests[place] for place in own])
            except ModelDied:
                del self._runners[kind]
                raise
            responses.update(zip(own, answers, strict=True))
        return [responses[place] for place in range(len(requests))]

    def runner(self, kind: str) -> Runner:
        """What answers this kind of request; loaded now if it was not before.

        Raises:
            SwaprankError: It cannot be loaded, or could not a moment ago.
        """
        if kind not in self._runners:
            self._runners[kind] = self._attempts.attempt(kind, partial(self._loaded, kind))
        return self._runners[kind]

    def load(self, kinds: Iterable[str]) -> None:
        """Load what answers these kinds of requests, also where that has just failed."""
        for kind in kinds:
            if kind not in self._runners:
                self._runners[kind] = self._attempts.attempt(kind, partial(self._loaded, kind), again=True)

    def fingerprint(self, files: Sequence[tuple[str, HubAccess]]) -> list[str]:
        """What tells the files apart from all others; see `fingerprints`."""
        return self._attempts.attempt("files", partial(self._fingerprint, files))

    def _fingerprint(self, files: Sequence[tuple[str, HubAccess]]) -> list[str]:
        try:
            with remembering(self._found):
                return fingerprints(files)
        except BaseException:
            if not self._runners:
                self._found.clear()
            raise

    def _loaded(self, kind: str) -> Runner:
        try:
            with remembering(self._found):
                runner = self._backend.load(kind, self._model, self._options)
        except BaseException:
            self._found.clear()
            raise
        self._attempts.forget("files")
        # Libraries and a model are a million objects. Looked through now, by this thread, they do not hold up an
        # event loop later, when the collector would come to them in the middle of a call.
        gc.collect()
        return runner
