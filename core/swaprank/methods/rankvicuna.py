"""RankVicuna: RankZephyr's predecessor, asked in Vicuna's words.

Pradeep et al., RankVicuna: Zero-Shot Listwise Document Reranking with Open Source Large Language Models (2023).
Prompt as `rankzephyr`, in the conversation format of Vicuna v1.1 (lm-sys/FastChat, Apache-2.0).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from ._rank_llm import RankLLM


class RankVicuna(RankLLM):
    """rank_llm's listwise prompt in Vicuna's conversation format."""

    name: ClassVar[str] = "rankvicuna"
    source: ClassVar[str] = "castorini/rank_llm (Apache-2.0), https://github.com/castorini/rank_llm"

    conversation: Literal["chat", "vicuna"] = "vicuna"


METHOD = RankVicuna
