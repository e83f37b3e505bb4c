"""RankZephyr: a 7B model distilled to write the order of a window.

Pradeep et al., RankZephyr: Effective and Robust Zero-Shot Listwise Reranking is a Breeze! (2023). Prompt and parser of
castorini/rank_llm (Apache-2.0, https://github.com/castorini/rank_llm), in two versions.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from ._rank_llm_prompt import COPY_OF_2024, CURRENT, RankLLM, Version

_VERSIONS = {"llm-reranker": COPY_OF_2024, "rank_llm": CURRENT}


class RankZephyr(RankLLM):
    """rank_llm's listwise prompt, for models distilled on it.

    Attributes:
        protocol: ``"llm-reranker"`` for rank_llm's code of January 2024, which gangiswag/llm-reranker keeps a copy of;
            ``"rank_llm"`` for its current code (1b3cabb).
    """

    name: ClassVar[str] = "rankzephyr"
    source: ClassVar[str] = "castorini/rank_llm (Apache-2.0), https://github.com/castorini/rank_llm"

    protocol: Literal["llm-reranker", "rank_llm"] = "llm-reranker"

    @property
    def version(self) -> Version:
        """That of the protocol."""
        return _VERSIONS[self.protocol]


METHOD = RankZephyr
