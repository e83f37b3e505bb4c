"""A vision-language model reads query and passage, text or image or both, and answers in one of two words.

Protocols: MonoQwen2-VL (model card, Apache-2.0), Qwen3-VL-Reranker (https://github.com/QwenLM/Qwen3-VL-Embedding
8ce3aab, src/models/qwen3_vl_reranker.py, Apache-2.0), lychee-rerank-mm (reconstructed: its wording is
Qwen3-VL-Reranker's, after a third party's evaluation script, and has not been compared with the model card), and a
plain question for any chat model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from ..images import Image
from ..method import Method, Steps
from ..prompt import Chat, Message, Slot
from ..requests import Capability
from ..types import Passage, Query, ScoreKind
from ._activated import kinds
from ._image_prompts import Parts, placed, side
from ._image_yes_no import yes_no_steps

_JUDGE = (
    "Judge whether the Document meets the requirements based on the Query and the Instruct provided. "
    'Note that the answer can only be "yes" or "no".'
)
_INSTRUCTED = "<Instruct>: {instruction}<Query>:{query}\n<Document>:{passage}"


@dataclass(frozen=True, slots=True)
class _Protocol:
    """How a model was trained to be asked.

    Attributes:
        user: The user's message; ``{query}`` and ``{passage}`` are their images, then their texts.
        words: What it answers about a relevant and about an irrelevant passage.
        system: The system message; None for the chat template's own.
        instruction: The default for ``{instruction}``.
        nothing: What stands for a query or passage with neither text nor image.
        beside: Whether a passage's text is shown beside its images; else only where it has none.
        min_pixels: Images of fewer pixels are enlarged; None for what the model's files say.
        max_pixels: Images of more pixels are shrunk; None for what the model's files say.
        single: Whether each word is one token.
    """

    user: str
    words: tuple[str, str]
    system: str | None = None
    instruction: str = ""
    nothing: str = ""
    beside: bool = True
    min_pixels: int | None = None
    max_pixels: int | None = None
    single: bool = True


PROTOCOLS = {
    "mono-qwen2-vl": _Protocol(
        "{passage}Assert the relevance of the previous image document to the following query, answer True or False. "
        "The query is: {query}",
        ("True", "False"),
        beside=False,
    ),
    "qwen3-vl-reranker": _Protocol(
        _INSTRUCTED,
        ("yes", "no"),
        system=_JUDGE,
        instruction="Given a search query, retrieve relevant candidates that answer the query.",
        nothing="NULL",
        min_pixels=4096,
        max_pixels=1_843_200,
    ),
    "lychee-rerank-mm": _Protocol(
        _INSTRUCTED,
        ("yes", "no"),
        system=_JUDGE,
        instruction="Given a web search query, retrieve relevant passages that answer the query",
        min_pixels=3136,
        max_pixels=1_003_520,
    ),
    # Ours, for models that were trained for no such thing.
    "question": _Protocol(
        "{instruction}Passage: {passage}\nQuery: {query}\nDoes the passage answer the query? Answer 'Yes' or 'No'",
        ("Yes", "No"),
        max_pixels=1_003_520,
        single=False,
    ),
}


class VisionYesNo(Method):
    """Score = probability of the first of two words.

    Attributes:
        protocol: Whose prompt, words and limits: ``"mono-qwen2-vl"``, ``"qwen3-vl-reranker"``, ``"lychee-rerank-mm"``,
            or ``"question"`` for any chat model that reads images.
        instruction: What counts as relevant; None for the protocol's. A query's own instruction goes before it.
            MonoQwen2-VL takes none.
        words: Other words than the protocol's.
        min_pixels: Images of fewer pixels are enlarged; None for the protocol's.
        max_pixels: Images of more pixels are shrunk; None for the protocol's. A page becomes fewer tokens with it.
        max_length: Most tokens of the whole prompt; the passage's text is cut, never an image.
        activation: ``"sigmoid"`` for the probability, ``"identity"`` for the difference of the logits.
    """

    name: ClassVar[str] = "vision-yes-no"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LABEL_LOGPROBS})
    source: ClassVar[str] = (
        "MonoQwen2-VL's model card; https://github.com/QwenLM/Qwen3-VL-Embedding 8ce3aab (both Apache-2.0)"
    )

    protocol: Literal["mono-qwen2-vl", "qwen3-vl-reranker", "lychee-rerank-mm", "question"] = "question"
    instruction: str | None = None
    words: tuple[str, str] | None = None
    min_pixels: int | None = Field(default=None, ge=1)
    max_pixels: int | None = Field(default=None, ge=784)
    max_length: int | None = Field(default=10_240, ge=64)
    activation: Literal["sigmoid", "identity"] = "sigmoid"

    @property
    def takes_instruction(self) -> bool:
        """Whether the protocol has a place for one."""
        return "{instruction}" in PROTOCOLS[self.protocol].user

    @property
    def reads_images(self) -> bool:
        """Always."""
        return True

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Probabilities after a sigmoid, else logits."""
        return kinds(self.activation)

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One forward pass per passage."""
        protocol = PROTOCOLS[self.protocol]

        def prompt(query: Query, passage: Passage) -> Chat:
            text = "" if passage.images and not protocol.beside else passage.content
            values: dict[str, Parts] = {
                "instruction": self._instructed(query),
                "query": self._side(query.text, query.images, False),
                "passage": self._side(text, passage.images, True),
            }
            turn = Message("user", placed(protocol.user, values))
            return Chat((turn,) if protocol.system is None else (Message("system", protocol.system), turn))

        return yes_no_steps(
            query,
            passages,
            prompt,
            self.words or protocol.words,
            single=protocol.single,
            max_length=self.max_length,
            activation=self.activation,
        )

    def _instructed(self, query: Query) -> Parts:
        """The instruction, on a line of its own where a protocol has none of its own; nothing where there is none."""
        own = PROTOCOLS[self.protocol].instruction
        text = query.instruction or self.instruction or own
        return [Slot(text), *([] if own else ["\n"])] if text else []

    def _side(self, text: str, images: Sequence[Image], shrinks: bool) -> Parts:
        protocol = PROTOCOLS[self.protocol]
        parts = side(
            text,
            images,
            min_pixels=self.min_pixels or protocol.min_pixels,
            max_pixels=self.max_pixels or protocol.max_pixels,
            shrinks=shrinks,
        )
        return parts or [protocol.nothing]


METHOD = VisionYesNo
