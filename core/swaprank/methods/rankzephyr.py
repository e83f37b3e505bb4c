"""RankZephyr: a 7B model distilled to write the order of a window.

Pradeep et al., RankZephyr: Effective and Robust Zero-Shot Listwise Reranking is a Breeze! (2023). Prompt, parser
and windows as in gangiswag/llm-reranker's copy of castorini/rank_llm (Apache-2.0,
https://github.com/castorini/rank_llm). Later versions of rank_llm say it in other words: give them as
``system_message``, ``prefix`` and ``suffix``.
"""

from __future__ import annotations

from typing import ClassVar

from ._rank_llm import RankLLM


class RankZephyr(RankLLM):
    """rank_llm's listwise prompt, for models distilled on it."""

    name: ClassVar[str] = "rankzephyr"
    source: ClassVar[str] = "castorini/rank_llm (Apache-2.0), https://github.com/castorini/rank_llm"


METHOD = RankZephyr
