"""The LLM object of a framework (LlamaIndex, LangChain) as a backend; the adapters bring it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, Literal, Protocol

from pydantic import Field

from ..backend import Backend, BackendOptions
from ..errors import ConfigError, SwaprankError
from ..requests import Capability, Request, Response


class Provider(Protocol):
    """Makes the backend of a framework's LLM."""

    @property
    def llm(self) -> Any:
        """The LLM that the user gave; None where it is the framework's to say."""
        ...

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    def __call__(self, options: LlmOptions, model: str) -> Backend:
        """The backend for the options of a config, and its ``model:``."""
        ...


_provider: ContextVar[Provider | None] = ContextVar("swaprank_llm", default=None)


class LlmOptions(BackendOptions):
    """``backend: {type: llm}``: the framework's own LLM, with its own temperature and limits.

    Attributes:
        logprobs: Whether the LLM tells log-probabilities; None for what its class says.
        top_logprobs: How many of the most likely next tokens it is asked for.
        missing_label: What a label is worth that is not among them: ``"error"``, or ``"floor"``, the least of
            them, which it cannot exceed.
        max_concurrency: Most calls at the same time.
    """

    name: ClassVar[str] = "llm"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.TEXT, Capability.LABEL_LOGPROBS})

    logprobs: bool | None = None
    top_logprobs: int = Field(default=20, ge=1)
    missing_label: Literal["error", "floor"] = "error"
    max_concurrency: int = Field(default=8, ge=1)

    @classmethod
    def offering(cls, needs: frozenset[Capability]) -> str:
        """The adapters bring it."""
        return "llm (in the LlamaIndex and LangChain adapters)"

    def build(self, model: str) -> Backend:
        """The LLM of the adapter that is being made; elsewhere a stand-in that says that there is none."""
        provider = _provider.get()
        return NoLlm(model) if provider is None else provider(self, model)


class NoLlm:
    """Stands where a config says ``backend: llm`` and no framework is there: it can be checked, but not run."""

    name = "llm"
    capabilities = LlmOptions.capabilities

    def __init__(self, model: str) -> None:
        self.model = model

    def run(self, requests: Sequence[Request]) -> Sequence[Response | SwaprankError]:
        """Refuse.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            "backend: llm is the LLM object of a framework, and there is none here.",
            hint="Give llm= to the Reranker of llamaindex_rerankers or langchain_rerankers, or name another backend.",
        )

    async def arun(self, requests: Sequence[Request]) -> Sequence[Response | SwaprankError]:
        """As `run`."""
        return self.run(requests)


@contextmanager
def providing(provider: Provider | None) -> Iterator[None]:
    """What ``backend: llm`` means for the rerankers made inside."""
    token = _provider.set(provider)
    try:
        yield
    finally:
        _provider.reset(token)


def provided() -> Provider | None:
    """What ``backend: llm`` means here; None outside the adapters."""
    return _provider.get()


BACKEND = LlmOptions
