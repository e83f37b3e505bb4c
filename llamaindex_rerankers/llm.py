"""A LlamaIndex LLM as the backend of every method that reads text."""

from __future__ import annotations

import asyncio
import base64
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llama_index.core import Settings
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ImageBlock, TextBlock
from llama_index.core.llms import LLM, CustomLLM

from swaprank.adapters import FrameworkLlm, LlmOptions, LlmReply
from swaprank.backend import Backend
from swaprank.errors import ConfigError
from swaprank.responses import Usage


class LlamaIndexLLM(FrameworkLlm):
    """Calls `LLM.chat` and `LLM.achat`: callbacks, instrumentation and token counters see them as any other.

    Args:
        llm: The LLM.
        options: The ``backend:`` part of the config.
    """

    def __init__(self, llm: LLM, options: LlmOptions | None = None) -> None:
        fields = type(llm).model_fields
        super().__init__(options or LlmOptions(), name_of(llm), has_logprobs="top_logprobs" in fields)
        self.llm = llm

    def chat(self, messages: list[dict[str, Any]], stop: Sequence[str], top_logprobs: int) -> LlmReply:
        """One call of `LLM.chat`."""
        return _reply(self.llm.chat(_messages(messages), **_logprob_options(top_logprobs)))

    async def achat(self, messages: list[dict[str, Any]], stop: Sequence[str], top_logprobs: int) -> LlmReply:
        """One call of `LLM.achat`, or of `LLM.chat` in a thread where the former would block the event loop."""
        if inspect.unwrap(type(self.llm).achat) is inspect.unwrap(CustomLLM.achat):
            return await asyncio.to_thread(self.chat, messages, stop, top_logprobs)
        return _reply(await self.llm.achat(_messages(messages), **_logprob_options(top_logprobs)))


@dataclass(frozen=True)
class Provider:
    """What ``backend: llm`` means in this adapter.

    Attributes:
        llm: The LLM; None for `Settings.llm` as it is when a config asks for it.
    """

    llm: LLM | None

    @property
    def name(self) -> str:
        """The model's name."""
        return name_of(self._found)

    @property
    def _found(self) -> LLM:
        if self.llm is not None:
            return self.llm
        try:
            return Settings.llm
        except (ImportError, ValueError) as error:  # LlamaIndex tries to make OpenAI's where nothing is set
            raise ConfigError(
                "backend: llm without llm= means Settings.llm, and none is set.",
                hint="Set Settings.llm, or add: llm=<LLM>.",
            ) from error

    def __call__(self, options: LlmOptions, model: str) -> Backend:
        """The backend for the options of a config."""
        return LlamaIndexLLM(self._found, options)


def name_of(llm: LLM) -> str:
    """The model's name, or else the class's."""
    name = llm.metadata.model_name
    return llm.class_name() if name in ("", "unknown") else name


def _messages(turns: Sequence[Mapping[str, Any]]) -> list[ChatMessage]:
    return [ChatMessage(role=turn["role"], content=_content(turn["content"])) for turn in turns]


def _content(content: str | list[dict[str, Any]]) -> str | list[TextBlock | ImageBlock]:
    """A text, or its parts as blocks."""
    return content if isinstance(content, str) else [_block(part) for part in content]


def _block(part: Mapping[str, Any]) -> TextBlock | ImageBlock:
    if part["type"] == "text":
        return TextBlock(text=part["text"])
    # As bytes, which every integration takes; not all take data: URLs.
    head, _, data = part["image_url"]["url"].partition(",")
    kind = head.removeprefix("data:").removesuffix(";base64")
    return ImageBlock(image=base64.b64decode(data), image_mimetype=kind)


def _logprob_options(top: int) -> dict[str, Any]:
    return {"logprobs": True, "top_logprobs": top} if top else {}


def _reply(response: ChatResponse) -> LlmReply:
    first = response.logprobs[0] if response.logprobs else []
    return LlmReply(
        text=response.message.content or "",
        cut_off=_finish(response.raw) == "length",
        top={one.token: one.logprob for one in reversed(first)},
        usage=_usage(response),
    )


def _usage(response: ChatResponse) -> Usage:
    """Tokens as integrations report them: beside the answer, or in the provider's own."""
    for report in (response.additional_kwargs, _part(response.raw, "usage")):
        read = _part(report, "prompt_tokens") or _part(report, "input_tokens")
        wrote = _part(report, "completion_tokens") or _part(report, "output_tokens")
        if read or wrote:
            return Usage(int(read or 0), int(wrote or 0))
    return Usage()


def _finish(raw: Any) -> Any:
    choices = _part(raw, "choices")
    return _part(choices[0], "finish_reason") if choices else None


def _part(whole: Any, key: str) -> Any:
    """A key of a mapping, or an attribute of an object; None where there is none."""
    return whole.get(key) if isinstance(whole, Mapping) else getattr(whole, key, None)
