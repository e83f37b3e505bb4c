"""What a config may say about the framework's own LLM."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Protocol

from pydantic import Field

from ...backend import Backend, BackendOptions
from ...requests import Capability


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


class LlmProvider(Protocol):
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
