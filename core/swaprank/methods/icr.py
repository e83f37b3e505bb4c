"""In-context reranking (ICR): the attention that a passage's tokens receive from the query.

Chen, Gutierrez & Su, Attention in Large Language Models Yields Efficient Zero-Shot Re-Rankers (2024), arXiv
2410.02642; OSU-NLP-Group/In-Context-Reranking (MIT, https://github.com/OSU-NLP-Group/In-Context-Reranking). All
candidates stand in one prompt and nothing is generated. What a token receives from the content-free query ``N/A``
is subtracted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from ..method import GroupScores, Method, Steps, attention
from ..prompt import Slot, Text
from ..requests import Attend, Capability
from ..types import Passage, Query, ScoreKind, readable

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The wording of the official code, its grammar included.
_LATE = {
    "QA": "Please answer the following question based on the information in the paragraphs above.",
    "IE": "Please find information that are relevant to the following query in the paragraphs above.",
}
_OPENING = " Here are some paragraphs:"
_CONTENT_FREE = "N/A"
_WRAPPINGS = {
    "chat": ("", ""),
    "llama-3": (
        "<|start_header_id|>user<|end_header_id|>",
        "<|eot_id|><|start_header_id|>assistant<|end_header_id|>",
    ),
    "mistral": ("[INST]", "[/INST]"),
    "chatml": ("<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"),
    "none": ("", ""),
}
# Fewer passages than this are not split over smaller prompts; they are cut where the model is too small for them.
_SPLIT = 3


class ICR(Method):
    """Score = attention from the query less attention from ``N/A``, summed over the passage's tokens.

    Attributes:
        template: ``"instruct"``; the ablations ``"simple"`` (no opening, ends in ``Answer:``) and
            ``"simple_instruct"`` (passages and query only).
        wrapping: What goes around the prompt: ``"chat"`` for the model's own chat template, ``"none"`` for a model
            without one, ``"llama-3"`` or ``"mistral"`` for exactly what the official code writes, ``"chatml"`` for
            Qwen and its kin. It is never guessed from the model's name.
        retrieval_type: The line before the query: ``"QA"`` for questions, ``"IE"`` for other queries.
        instruction: Another such line; a query's own instruction goes before it.
        reverse: Show the passages from the last to the first, as the published scripts do; a model reads what
            stands near the query best.
        max_words: Most words of a passage, split at single blanks; the published scripts keep 300 on BEIR.
    """

    name: ClassVar[str] = "icr"
    family: ClassVar[Literal["listwise"]] = "listwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.ATTENTION})
    source: ClassVar[str] = "https://github.com/OSU-NLP-Group/In-Context-Reranking at 9117e9f (MIT)"

    template: Literal["instruct", "simple", "simple_instruct"] = "instruct"
    wrapping: Literal["chat", "llama-3", "mistral", "chatml", "none"] = "chat"
    retrieval_type: Literal["QA", "IE"] = "QA"
    instruction: str | None = None
    reverse: bool = False
    max_words: int | None = Field(default=None, ge=1)

    @property
    def takes_instruction(self) -> bool:
        """Whether the template has a line before the query."""
        return self.template != "simple_instruct"

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Attention."""
        return frozenset({ScoreKind.OTHER})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One request for all passages: the query and the content-free one after the same context."""
        shown = list(reversed(passages)) if self.reverse else list(passages)
        instruction = query.instruction or self.instruction or _LATE[self.retrieval_type]
        endings = (self._ending(instruction, Slot(query.text.strip())), self._ending(instruction, _CONTENT_FREE))
        request = Attend(self._context(shown), endings, chat=self.wrapping == "chat")
        [attended] = yield from attention([request])
        from_query, content_free = attended.received
        # Parts of the context: the opening, then each passage and the separator after it.
        scores = [calibrated(*pair) for pair in zip(from_query[1::2], content_free[1::2], strict=True)]
        return GroupScores(scores=scores[::-1] if self.reverse else scores, kind=ScoreKind.OTHER)

    @property
    def _separator(self) -> str:
        return " \n\n" if self.wrapping == "llama-3" else "\n\n"

    def _context(self, passages: Sequence[Passage]) -> tuple[Text, ...]:
        opening = f"{_OPENING}{self._separator}" if self.template == "instruct" else self._separator
        # A chat template strips a message, and which characters are whose must not depend on it.
        parts: list[Text] = [opening.lstrip() if self.wrapping == "chat" else _WRAPPINGS[self.wrapping][0] + opening]
        for number, passage in enumerate(passages, start=1):
            parts += [(f"[{number}] ", Slot(self._shown(passage), shrinks=len(passages) < _SPLIT)), self._separator]
        return tuple(parts)

    def _shown(self, passage: Passage) -> str:
        text = passage.text if self.max_words is None else " ".join(passage.text.split(" ")[: self.max_words])
        return readable(f"{passage.title or ''}\n{text}").strip()

    def _ending(self, instruction: str, query: Slot | str) -> Text:
        suffix = _WRAPPINGS[self.wrapping][1]
        if self.template == "simple_instruct":
            return (" ", query, suffix)
        if self.template == "simple":
            suffix = f"{self._separator}Answer:"
        return (instruction, f"{self._separator}Query: ", query, suffix)


def calibrated(from_query: NDArray[np.float32], content_free: NDArray[np.float32]) -> float:
    """The sum of the differences per token, without those far below the others.

    Args:
        from_query: What each token of a passage receives from the query.
        content_free: The same from the content-free query.

    Returns:
        The sum over the tokens whose difference is above the mean less two (sample) standard deviations of the
        passage's own tokens; over all where there is no deviation.
    """
    change = from_query.astype(np.float64) - content_free
    if len(change) < 2 or not change.std() > 0:
        return float(change.sum())
    return float(change[change > change.mean() - 2 * change.std(ddof=1)].sum())


METHOD = ICR
