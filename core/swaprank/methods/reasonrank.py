"""ReasonRank: thinks about a window, then writes its order between answer tags.

Liu et al., ReasonRank: Empowering Passage Ranking with Strong Reasoning Ability (2025). Prompts and parser of
8421BCD/ReasonRank, `rerank/` (MIT, https://github.com/8421BCD/ReasonRank). Where the tags are missing, the official
code also takes numbers in the reasoning for the ranking; here the order is kept and counted as repaired. The official
code cuts passages before it neutralises ``[12]``; here the cut comes last, so that a cut inside a number leaves ``(``
in place of ``[``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..prompt import Chat, Message, Slot, fill
from ..replies.parts import after_thinking, thought_and_answered
from ..replies.permutation import Permutation, Reader
from ..types import Passage, Query
from ._passage_text import mended, titled, unbracketed
from ._permutation_generation import PermutationGeneration
from ._rank_llm_prompt import BODY, PREFIX

_SYSTEM = "You are RankLLM, an intelligent assistant that can rank passages based on their relevance to the query."
_SYSTEM_REASONING = (
    f"{_SYSTEM} Given a query and a passage list, you first thinks about the reasoning process in the mind and then "
    "provides the answer (i.e., the reranked passage list). The reasoning process and answer are enclosed within "
    "<think> </think> and <answer> </answer> tags, respectively, i.e., <think> reasoning process here </think> "
    "<answer> answer here </answer>."
)
_SUFFIX = (
    "Search Query: {query}.\nRank the {num} passages above based on their relevance to the search query. "
    "All the passages should be included and listed using identifiers, in descending order of relevance. "
)
_SUFFIX_REASONING = f"{_SUFFIX}The format of the answer should be [] > [], e.g., [2] > [1]."
_SUFFIX_QWEN3 = (
    f"{_SUFFIX}The final ranked list should be enclosed within <answer> </answer> tags, i.e., <answer> ranked list "
    "here </answer>. The format of ranked list should be [] > [], e.g., [2] > [1]. Only respond with the ranking "
    "results, do not say any word or explain."
)
_PROMPTS = {
    "RANK_GPT_reasoning": (_SYSTEM_REASONING, _SUFFIX_REASONING),
    "RANK_GPT_qwen3": (_SYSTEM, _SUFFIX_QWEN3),
}
_NUMBERS = Reader(odd_digits="refuse", reasoning="read")


class ReasonRank(PermutationGeneration):
    """Listwise reranking by models that reason first.

    Attributes:
        prompt_mode: ``"RANK_GPT_reasoning"`` for models on Qwen2.5 (the published ones),
            ``"RANK_GPT_qwen3"`` for models on Qwen3.
        max_passage_length: Most tokens of a passage. Officially 512 on BRIGHT and 100 on TREC and BEIR.
        max_tokens: Most tokens of a reply, thinking included. Officially 3,172.
    """

    name: ClassVar[str] = "reasonrank"
    source: ClassVar[str] = "8421BCD/ReasonRank (MIT), https://github.com/8421BCD/ReasonRank"

    prompt_mode: Literal["RANK_GPT_reasoning", "RANK_GPT_qwen3"] = "RANK_GPT_reasoning"
    max_passage_length: int = Field(default=512, ge=1)
    max_tokens: int | None = Field(default=4096, ge=1)

    def prompt(self, query: Query, passages: Sequence[Passage]) -> Chat:
        """The prompt of the mode."""
        system, suffix = _PROMPTS[self.prompt_mode]
        # The official code mends the query with the whole prompt, whose template marks keep HTML entities as they are.
        shown = Slot(mended(unbracketed(query.text).strip(), entities=False))
        known: dict[str, str | Slot] = {"num": str(len(passages)), "query": shown}
        listed = [
            part
            for number, passage in enumerate(passages, start=1)
            for part in fill(BODY, {"rank": str(number), "candidate": self._shown(passage)})
        ]
        content = (*fill(PREFIX, known), *listed, *fill(suffix, known))
        return Chat((Message("system", system), Message("user", content)))

    def read(self, text: str, n: int) -> Permutation:
        """What stands between the tags, or follows the last ``<answer>``, or the whole reply.

        Officially a tag that is not closed counts only in small letters.
        """
        answer = thought_and_answered(text.lower())
        if answer is None:
            text = text if self.official_parser else text.lower()
            _, opened, after = text.rpartition("<answer>")
            answer = after if opened else text if self.official_parser else after_thinking(text)
        return _NUMBERS.read(answer, n)

    def _shown(self, passage: Passage) -> Slot:
        text = mended(titled(passage).strip())
        return Slot(unbracketed(text), max_tokens=self.max_passage_length, shrinks=True)


METHOD = ReasonRank
