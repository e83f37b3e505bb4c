"""A LangChain chat model or LLM as the backend of every method that reads text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable

from swaprank.adapters import FrameworkLlm, LlmOptions, LlmReply
from swaprank.backend import Backend
from swaprank.errors import ConfigError
from swaprank.responses import Usage

if TYPE_CHECKING:
    from langchain_core.language_models import BaseLanguageModel


class LangChainLLM(FrameworkLlm):
    """Calls `invoke` and `ainvoke`: callbacks, tags and traces of the surrounding run go with every call.

    Args:
        llm: A chat model, or an LLM that goes on writing a text.
        options: The ``backend:`` part of the config.
    """

    def __init__(self, llm: BaseLanguageModel[Any], options: LlmOptions | None = None) -> None:
        # Imported by whoever has a model; it costs others a tenth of a second.
        from langchain_core.language_models import BaseChatModel

        self._chats = isinstance(llm, BaseChatModel)
        tells = self._chats and "top_logprobs" in type(llm).model_fields
        super().__init__(options or LlmOptions(), name_of(llm), has_logprobs=tells)
        self.llm = llm

    def chat(self, messages: list[dict[str, Any]], stop: Sequence[str], top_logprobs: int) -> LlmReply:
        """One call of `invoke`."""
        return _reply(self._bound(top_logprobs).invoke(self._input(messages), stop=list(stop) or None))

    async def achat(self, messages: list[dict[str, Any]], stop: Sequence[str], top_logprobs: int) -> LlmReply:
        """One call of `ainvoke`."""
        return _reply(await self._bound(top_logprobs).ainvoke(self._input(messages), stop=list(stop) or None))

    def _bound(self, top: int) -> Runnable[Any, Any]:
        return self.llm.bind(logprobs=True, top_logprobs=top) if top else self.llm

    def _input(self, turns: list[dict[str, Any]]) -> Any:
        """Messages; a single one is a text for an LLM that goes on writing."""
        plain = not self._chats and len(turns) == 1
        if not self._chats and any(not isinstance(turn["content"], str) for turn in turns):
            raise ConfigError("The prompt shows images, and the LLM goes on writing texts.", hint="Give a chat model.")
        return turns[0]["content"] if plain else turns


@dataclass(frozen=True)
class Provider:
    """What ``backend: llm`` means in this adapter.

    Attributes:
        llm: The model; LangChain has no default one.
    """

    llm: BaseLanguageModel[Any] | None

    @property
    def name(self) -> str:
        """The model's name."""
        return name_of(self._found)

    @property
    def _found(self) -> BaseLanguageModel[Any]:
        if self.llm is None:
            raise ConfigError("backend: llm is a LangChain model, and none is given.", hint="Add: llm=<chat model>.")
        return self.llm

    def __call__(self, options: LlmOptions, model: str) -> Backend:
        """The backend for the options of a config.

        Raises:
            ConfigError: No model was given.
        """
        return LangChainLLM(self._found, options)


def name_of(llm: BaseLanguageModel[Any]) -> str:
    """The model's name as LangChain's own traces have it, or else the class's."""
    name = getattr(llm, "model_name", None) or getattr(llm, "model", None)
    return name if isinstance(name, str) and name else type(llm).__name__


def _reply(answer: BaseMessage | str) -> LlmReply:
    if isinstance(answer, str):
        return LlmReply(answer)
    metadata = answer.response_metadata
    [first] = ((metadata.get("logprobs") or {}).get("content") or [])[:1] or [{}]
    # Tokens that are not whole characters can share a text: the most likely one, which comes last here, counts.
    top = {one["token"]: float(one["logprob"]) for one in reversed(first.get("top_logprobs") or [])}
    used = answer.usage_metadata if isinstance(answer, AIMessage) else None
    return LlmReply(
        text=str(answer.text),
        cut_off=metadata.get("finish_reason") == "length" or metadata.get("stop_reason") == "max_tokens",
        top=top,
        usage=Usage(used["input_tokens"], used["output_tokens"]) if used else Usage(),
    )
